"""Lines of calls: many at a time, none lost, none in the way."""

import io
import threading

from chassis.lines import LineWriter

LINES = 5_000


def test_lines_that_are_flushed_by_many_at_once_are_all_there() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream)
    barrier = threading.Barrier(4)

    def work(name: int) -> None:
        barrier.wait()
        for number in range(LINES):
            writer.write(f"{name}-{number}")
            if number % 50 == 0:
                writer.flush()

    threads = [threading.Thread(target=work, args=[name]) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()

    assert len(set(stream.getvalue().splitlines())) == 4 * LINES


def test_a_stream_that_takes_nothing_stops_nobody() -> None:
    stream = io.StringIO()
    writer = LineWriter(stream)
    stream.close()

    writer.write("lost")

    writer.write("also lost")
