"""Pack the shared training data into one small archive.

    python pipelines/train/pack_data.py --data ../shared/data --to train-data.zip
    python pipelines/train/train_truckmap.py --data train-data.zip --run runs/first

For machines with little room or a slow link: the same sets, names and shares, pictures
scaled and compressed to what training views show. Frames of clips of role `score` are
never read. Never commit the archive, nor give it to those who may not use its sources:
`LICENCES.md` in it says what those state.
"""

import argparse
import sys
from pathlib import Path

from truckcount.errors import TruckcountError
from truckcount.training.pack import PackOptions, write_pack
from truckcount.training.pools import keep_open, read_pools

MAX_MIB = 60


def main() -> int:
    """Write the archive; 1 where it is larger than ``--max-mib``."""
    usual = PackOptions()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, action="append", default=[])
    parser.add_argument("--max-side", type=int, default=usual.max_side_px)
    parser.add_argument("--quality", type=int, default=usual.quality)
    parser.add_argument("--licences", choices=["all", "open"], default="all")
    parser.add_argument("--max-mib", type=float, default=MAX_MIB)
    arguments = parser.parse_args()
    try:
        pools = read_pools(arguments.data, arguments.rendered)
        if arguments.licences == "open":
            pools = keep_open(pools)
        options = PackOptions(max_side_px=arguments.max_side, quality=arguments.quality)
        facts = write_pack(arguments.to, pools, options)
    except TruckcountError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    size_mib = arguments.to.stat().st_size / 2**20
    n = sum(facts["pictures"].values())
    print(f"{arguments.to}: {n} pictures, {size_mib:.1f} MiB")
    if size_mib > arguments.max_mib:
        print(
            f"error: more than {arguments.max_mib:g} MiB; lower --quality or "
            "--max-side",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
