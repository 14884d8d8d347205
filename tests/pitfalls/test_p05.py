"""Re-muxed duplicate: other bytes, same interval."""

from tests.pitfalls.scenes import film, piece, publish, read, through


def test_a_remuxed_copy_adds_nothing(tmp_path):
    scene = film([through(30), through(90)], 120)
    store = publish(tmp_path, [piece("b", scene)])
    before = read(store), read(store, "history")
    for name in ("a", "c"):  # one wins the tie by its id, one loses it
        publish(tmp_path, [piece(name, scene)])
    assert read(store)["n_trucks"].tolist() == [2]
    for table, frame in zip(("hours", "history"), before, strict=True):
        assert read(store, table).equals(frame)
