"""`truckcount doctor`: what works here."""

import pytest


def test_a_machine_that_can_count_is_well(truckcount):
    said = truckcount("doctor")
    assert said.code == 0
    header, *rows = said.out.splitlines()
    assert header.split() == ["part", "works", "detail"]
    text = "\n".join(rows)
    for part in ("decoder: PyAV", "decoder: OpenCV", "CPU runtime", "GPU", "weights"):
        assert part in text
    assert "truckmap@sha256:" in text


def test_json_is_a_list_of_parts(truckcount):
    parts = {row["part"]: row for row in truckcount("doctor", "--json").json}
    assert parts["weights"]["works"] is True
    assert parts["decoder: PyAV"]["detail"].startswith("av ")


def test_a_machine_without_weights_is_not(truckcount, monkeypatch, tmp_path):
    (tmp_path / "pins.json").write_text("{}")
    monkeypatch.setattr("truckcount.presence.weights.PINS_PATH", tmp_path / "pins.json")
    said = truckcount("doctor")
    assert said.code == 1
    (row,) = [line for line in said.out.splitlines() if line.startswith("weights")]
    assert row.split()[1] == "NO"
    assert "no model 'truckmap' is shipped" in row


@pytest.mark.parametrize(("height", "works"), [(0.3, "no"), (0.6, "yes")])
def test_gates_that_are_seen_in_tiles_are_told(truckcount, tmp_path, height, works):
    low = 0.2 + height
    (tmp_path / "cameras.toml").write_text(
        '[cameras.a]\n[[cameras.a.gates]]\nname = "g"\n'
        f"polygon = [[0.2, 0.2], [0.8, 0.2], [0.8, {low}], [0.2, {low}]]\n"
    )
    said = truckcount("doctor", "--cameras", "cameras.toml")
    assert said.code == 0  # a thing to look at, nothing that does not work
    (row,) = [line for line in said.out.splitlines() if line.startswith("gate")]
    assert row.split()[1] == works
    assert ("draw the gate higher" in row) == (works == "no")
