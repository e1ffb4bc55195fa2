from dashtam_tasks.migration.progress import Progress, amount, duration


def test_progress_has_a_rate_and_an_estimate_once_a_second() -> None:
    said, now = list[str](), iter((0.0, 0.5, 2.0, 2.1, 4.0))
    progress = Progress(subject="new", total=8 << 20, notify=said.append, clock=lambda: next(now))
    for _ in range(4):
        progress.add(1 << 20)
    assert said == [
        "new: 2.0 MiB of 8.0 MiB, 1.0 MiB/s, 6 s left",
        "new: 4.0 MiB of 8.0 MiB, 1.0 MiB/s, 4 s left",
    ]


def test_nothing_is_foretold_from_next_to_nothing() -> None:
    said, now = list[str](), iter((0.0, 2.0, 4.0))
    progress = Progress(subject="new", total=1 << 30, notify=said.append, clock=lambda: next(now))
    progress.add(4)
    progress.add(1 << 29)
    assert said == [
        "new: 4 B of 1.0 GiB, 2 B/s",
        "new: 512 MiB of 1.0 GiB, 128 MiB/s, 4 s left",
    ]


def test_amounts_and_durations_are_for_people() -> None:
    assert [amount(one) for one in (0, 1023, 1024, 15 << 20, 3 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "15 MiB",
        "3.0 TiB",
    ]
    assert [duration(one) for one in (0.4, 59, 200)] == ["0 s", "59 s", "3 min 20 s"]
