"""`truckcount doctor`: what works here."""


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
