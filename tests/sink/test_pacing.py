"""The pace against simulated servers, by a clock that only they move."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest

from importer.sink import pacing
from importer.sink.pacing import LATENCY_SECONDS, MOST_BLOCKS, MOST_TOGETHER, Pace, Setback

LINE_BYTES = 100


class Simulated:
    """A server under a load that never ends, and never waits for its source.

    Attributes:
        now: seconds.
        rows: acknowledged.
        used: lines of a request and writers, at each request.
    """

    def __init__(
        self,
        pace: Pace,
        seconds: Callable[[int, int], float],
        *,
        block_rows: int = 200_000,
        answers: Callable[[float, int, int], Setback | None] = lambda *_: None,
        retry_after: float = 0.5,
    ) -> None:
        """Take what the server is like.

        Args:
            pace: decides.
            seconds: that a request takes, by its lines and by how many are under way.
            block_rows: lines of a block.
            answers: what is wrong with a request, by time, lines and how many are under way.
            retry_after: seconds until what failed is sent again.
        """
        self.pace, self.now, self.rows = pace, 0.0, 0
        self.used: list[tuple[int, int]] = []
        self._seconds, self._block_rows, self._answers, self._retry_after = seconds, block_rows, answers, retry_after
        self._under_way: list[tuple[float, float, float, int]] = []
        self._asleep: list[tuple[float, float, int]] = []
        self._left = 0

    def run(self, seconds: float) -> float:
        """Go on for so long; acknowledged rows per second."""
        end, before = self.now + seconds, self.rows
        while self.now < end:
            while len(self._under_way) < self.pace.writers:
                self._send()
            self.now, first_began, began, rows = heapq.heappop(self._under_way)
            setback = self._answers(self.now, rows, len(self._under_way) + 1)
            if setback is None:
                self.rows += rows
                self.pace.acknowledge(rows, began, self.now)
            else:
                self.pace.set_back(setback, rows, rows * LINE_BYTES, first_began, self.now)
                if setback != "413":
                    heapq.heappush(self._asleep, (self.now + self._retry_after, first_began, rows))
        return (self.rows - before) / seconds

    def _send(self) -> None:
        """What was refused comes first, as soon as its pause is over: each writer sleeps over its own."""
        if self._asleep and (self._asleep[0][0] <= self.now or len(self._asleep) >= self.pace.most_writers):
            began, first_began, rows = heapq.heappop(self._asleep)
            self._start(first_began, max(began, self.now), rows)
            return
        self._left = self._left or self._block_rows
        rows = self.pace.next_rows(self._left, self._left * LINE_BYTES)
        self._left -= rows
        self.used.append((rows, self.pace.writers))
        self._start(self.now, self.now, rows)

    def _start(self, first_began: float, began: float, rows: int) -> None:
        ends = began + self._seconds(rows, len(self._under_way) + 1)
        heapq.heappush(self._under_way, (ends, first_began, began, rows))


def two_processors(rows: int, under_way: int) -> float:
    """As long as there are two requests at most, one does not slow down the other."""
    return (0.02 + rows * 8e-6) * max(1.0, under_way / 2)


def far_away(rows: int, under_way: int) -> float:
    """Most of the time a request is on its way."""
    return 0.5 + rows * 2e-6 * under_way


def test_it_starts_with_what_is_best_on_a_machine_of_two_processors() -> None:
    pace = Pace()
    assert (pace.rows, pace.writers, pace.blocks) == (50_000, 2, 3)


def test_lines_grow_as_long_as_larger_requests_are_faster() -> None:
    server = Simulated(Pace(writers=2), lambda rows, _: 0.3 + rows * 4e-6)
    before = server.run(5)
    server.run(60)
    assert server.pace.settled == (100_000, 2)
    assert server.run(20) > 1.2 * before


def test_lines_do_not_grow_where_blocks_give_no_larger_requests() -> None:
    server = Simulated(Pace(writers=2), lambda rows, _: 0.3 + rows * 4e-6, block_rows=30_000)
    server.run(100)
    assert server.pace.settled == (50_000, 2)
    assert {rows for rows, _ in server.used} == {30_000}


def test_a_third_writer_comes_where_it_makes_the_load_faster() -> None:
    server = Simulated(Pace(), far_away, block_rows=30_000)
    server.run(30)
    assert server.pace.settled[1] == 3
    assert server.pace.blocks == 4


def test_blocks_are_written_together_up_to_the_lines_and_bytes_of_a_request() -> None:
    pace = Pace()
    assert not pace.are_enough([19_000], [4 << 20])
    assert pace.are_enough([19_000, 19_000], [4 << 20, 4 << 20])  # a third would be too many lines and bytes
    assert pace.are_enough([30_000], [1 << 20])
    assert pace.are_enough([4_000], [6 << 20])
    assert pace.are_enough([10, 10, 10], [100, 100, 100])  # however few: each block is memory
    pace.set_back("413", 19_000, 5 << 20, 0.0, 1.0)
    assert pace.are_enough([19_000], [4 << 20])


def test_while_blocks_are_held_back_for_others_there_is_room_for_one_more() -> None:
    pace = Pace(writers=1)
    rows: list[int] = []
    while not rows or not pace.are_enough(rows, [1] * len(rows)):
        rows.append(1)
        assert pace.blocks > len(rows) - 1
    assert len(rows) == MOST_TOGETHER


@pytest.mark.parametrize("writers", [1, 2, 3])
def test_no_more_blocks_are_in_flight_than_memory_has_room_for(writers: int) -> None:
    pace = Pace()
    pace.writers = writers
    pace.are_enough([1, 1], [1, 1])
    assert MOST_TOGETHER <= pace.blocks <= MOST_BLOCKS


def test_lines_grow_where_blocks_together_give_more_of_them() -> None:
    pace = Pace(writers=2)
    pace.are_enough([30_000], [1 << 20])  # of which three make 90,000 lines
    server = Simulated(pace, far_away, block_rows=30_000)
    tried = set()
    for _ in range(30):
        server.run(1)
        tried.add(pace.rows)
    assert tried == {50_000, 100_000}


def test_a_writer_that_does_not_make_it_faster_is_taken_back_and_tried_again_ever_more_rarely() -> None:
    server = Simulated(Pace(), two_processors, block_rows=30_000)
    shares = []
    for _ in range(4):
        server.used.clear()
        server.run(100)
        shares.append(sum(writers == 3 for _, writers in server.used) / len(server.used))
    assert server.pace.settled[1] == 2
    assert 0.02 < shares[0] < 0.3
    assert shares[3] < 0.06


def share_with_three(seconds: Callable[[int, int], float], seed: int) -> float:
    """Of all requests, to a server whose speed varies by a quarter up and down."""
    chance = random.Random(seed)  # noqa: S311 - the same on each run
    server = Simulated(Pace(), lambda *load: seconds(*load) * chance.uniform(0.75, 1.25), block_rows=30_000)
    server.run(300)
    return sum(writers == 3 for _, writers in server.used) / len(server.used)


def test_chance_keeps_no_writer_that_does_not_help_and_takes_none_away_that_does() -> None:
    assert sum(share_with_three(two_processors, seed) for seed in range(5)) / 5 < 0.3
    assert min(share_with_three(far_away, seed) for seed in range(5)) > 0.8


@pytest.mark.parametrize("setback", ["429", "503", "slow"])
def test_a_sign_of_too_much_load_leaves_half_of_the_lines_and_one_writer_at_once(setback: Setback) -> None:
    pace = Pace()
    pace.next_rows(50_000, 5_000_000)
    pace.set_back(setback, 50_000, 5_000_000, 0.0, 1.0)
    assert (pace.rows, pace.writers, pace.setbacks) == (25_000, 1, {setback: 1})


def test_what_was_under_way_at_a_setback_or_is_sent_again_takes_no_more_away() -> None:
    pace = Pace()
    for began, ended in ((0.0, 1.0), (0.5, 1.2), (0.0, 3.0), (0.99, 9.0)):
        pace.set_back("429", 50_000, 5_000_000, began, ended)
    assert (pace.rows, pace.writers, pace.setbacks) == (25_000, 1, {"429": 4})
    pace.set_back("429", 25_000, 2_500_000, 9.5, 9.6)
    assert pace.rows == 12_500


def test_lines_come_down_to_a_thousand_and_no_further() -> None:
    pace = Pace()
    for second in range(20):
        pace.set_back("503", 50_000, 5_000_000, float(second), second + 0.5)
    assert (pace.rows, pace.writers) == (1_000, 1)


def test_half_of_the_lines_are_half_of_what_blocks_gave() -> None:
    pace = Pace()
    assert pace.next_rows(30_000, 3_000_000) == 30_000
    pace.set_back("429", 30_000, 3_000_000, 0.0, 1.0)
    assert pace.next_rows(30_000, 3_000_000) == 15_000


def test_after_a_burst_of_429_all_that_helps_comes_back() -> None:
    server = Simulated(
        Pace(), two_processors, block_rows=60_000, answers=lambda now, *_: "429" if 20 < now < 23 else None
    )
    before = server.run(19)
    server.run(3.9)
    assert server.pace.writers == 1
    assert server.pace.rows <= 25_000
    server.run(60)
    assert server.pace.writers >= 2
    assert server.run(60) > 0.9 * before


def test_a_server_that_throttles_two_writers_for_good_is_seldom_asked_to_take_two() -> None:
    server = Simulated(
        Pace(), two_processors, block_rows=30_000, answers=lambda _, __, under_way: "429" if under_way > 1 else None
    )
    server.run(300)
    later = server.pace.setbacks["429"]
    server.used.clear()
    server.run(300)
    assert server.pace.setbacks["429"] - later <= 6
    assert server.pace.settled[1] == 1
    assert sum(writers > 1 for _, writers in server.used) < 0.05 * len(server.used)


def test_a_server_that_takes_too_long_for_large_requests_gets_smaller_ones() -> None:
    server = Simulated(Pace(), lambda rows, under_way: rows * 2e-4 * under_way)
    server.run(100)
    used = server.used[len(server.used) // 2 :]
    assert max(rows * 2e-4 * writers for rows, writers in used) <= 2 * LATENCY_SECONDS
    assert sum(rows * 2e-4 * writers > LATENCY_SECONDS for rows, writers in used) <= 0.1 * len(used)
    assert server.pace.setbacks["slow"] >= 2


def test_after_a_413_requests_stay_half_as_large_and_as_many() -> None:
    server = Simulated(Pace(), two_processors, answers=lambda _, rows, __: "413" if rows > 9_000 else None)
    server.run(60)
    assert server.pace.setbacks["413"] <= 6  # two were under way, thrice
    assert 4_500 <= server.used[-1][0] <= 9_000
    assert server.pace.settled[1] == 2
    assert server.pace.batch_bytes == server.used[0][0] * LINE_BYTES // 8


def test_no_body_is_sent_that_is_about_as_large_as_a_refused_one() -> None:
    pace = Pace()
    assert not pace.is_too_large(10**9)
    pace.set_back("413", 1_000, 1_000_000, 0.0, 1.0)
    assert pace.is_too_large(1_000_000)
    assert pace.is_too_large(950_000)
    assert not pace.is_too_large(800_000)


def test_a_413_to_a_single_short_line_makes_no_requests_of_single_lines() -> None:
    pace = Pace()
    pace.set_back("413", 1, 80, 0.0, 1.0)
    assert pace.batch_bytes == 16 << 10
    assert not pace.is_too_large(16 << 10)


def test_what_an_option_fixes_stays() -> None:
    pace = Pace(batch_rows=500, writers=7)
    server = Simulated(pace, far_away, answers=lambda now, *_: "503" if int(now) % 20 == 0 else None)
    server.run(200)
    assert {rows for rows, _ in server.used} == {500}
    assert {writers for _, writers in server.used} == {7}
    assert (pace.settled, pace.most_writers, pace.blocks) == ((500, 7), 7, 8)
    assert (pace.has_fixed_rows, pace.has_fixed_writers) == (True, True)


def test_a_trial_under_way_is_not_told_as_the_outcome() -> None:
    server = Simulated(Pace(), two_processors, block_rows=30_000)
    while server.pace.writers == 2:
        server.run(0.1)
    assert server.pace.settled == (50_000, 2)


def test_a_setback_within_a_trial_takes_the_trial_back_first() -> None:
    server = Simulated(Pace(), far_away, block_rows=30_000)
    while server.pace.writers == 2:
        server.run(0.1)
    server.pace.set_back("413", 30_000, 3_000_000, server.now, server.now)
    assert server.pace.writers == 2


@pytest.mark.parametrize(("rows", "size", "expected"), [(0, 0, 0), (1, 10, 1), (60_000, 10**6, 30_000)])
def test_a_block_is_cut_into_even_requests(rows: int, size: int, expected: int) -> None:
    assert Pace().next_rows(rows, size) == expected


def test_long_lines_make_requests_of_fewer_lines() -> None:
    assert Pace().next_rows(1_000, 25 << 20) == 334


def test_a_window_is_neither_a_moment_nor_a_single_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "WINDOW_SECONDS", 3.0)
    pace = Pace()
    for n in range(1, 31):
        pace.acknowledge(30_000, n * 0.1 - 0.1, n * 0.1)
    assert pace.writers == 2  # many, but no three seconds behind the first three
    for n in range(4):
        pace.acknowledge(30_000, 3.0, 3.1 + n)
    assert pace.writers == 3
