"""The benchmark's judgement: what counts as held, missed, void and noisy, and what a run exits with."""

import pytest
from bench.harness import figures, plan
from bench.harness.figures import ANYAPI, DIRECT, NGINX, Verdict
from bench.harness.load import Phase, Sample

REQUEST = next(figure for figure in figures.FIGURES if figure.name == "cpu_per_request_ratio")
LATENCY = next(figure for figure in figures.FIGURES if figure.name == "added_latency_ratio")
HELD = next(figure for figure in figures.FIGURES if figure.name == "kb_per_idle_stream")


def pair(run, ours, yardstick, *, failed=0, foreign=0.0):
    return [
        Sample(run, ANYAPI, Phase.REQUEST, ours, answers=10_000, failed=failed, foreign_during=foreign),
        Sample(run, NGINX, Phase.REQUEST, yardstick, answers=10_000),
    ]


def test_ratio_is_taken_within_a_run_and_the_median_over_runs():
    samples = pair(1, 30.0, 20.0) + pair(2, 80.0, 40.0) + pair(3, 10.0, 20.0)
    result = figures.judge(REQUEST, samples)
    assert result.values == (1.5, 2.0, 0.5)
    assert result.median == 1.5
    assert result.verdict is Verdict.HELD


@pytest.mark.parametrize(("ours", "verdict"), [(40.0, Verdict.HELD), (40.1, Verdict.MISSED)])
def test_the_bar_itself_is_held(ours, verdict):
    assert figures.judge(REQUEST, pair(1, ours, 20.0)).verdict is verdict


@pytest.mark.parametrize(("failed", "verdict"), [(10, Verdict.HELD), (11, Verdict.VOID)])
def test_more_than_one_error_in_a_thousand_voids_the_figure(failed, verdict):
    result = figures.judge(REQUEST, pair(1, 30.0, 20.0, failed=failed) + pair(2, 30.0, 20.0))
    assert result.verdict is verdict
    assert result.failed == failed


def test_no_answer_at_all_voids_the_figure():
    samples = [Sample(1, ANYAPI, Phase.REQUEST, 1.0), Sample(1, NGINX, Phase.REQUEST, 1.0, answers=5)]
    assert figures.judge(REQUEST, samples).verdict is Verdict.VOID


def test_disturbed_runs_are_left_out_while_enough_quiet_ones_remain():
    samples = pair(1, 30.0, 20.0) + pair(2, 90.0, 20.0, foreign=1.0) + pair(3, 30.0, 20.0)
    result = figures.judge(REQUEST, samples)
    assert result.values == (1.5, 1.5)
    assert not result.noisy


def test_half_disturbed_is_noisy_and_uses_all():
    samples = pair(1, 30.0, 20.0) + pair(2, 32.0, 20.0, foreign=1.0)
    result = figures.judge(REQUEST, samples)
    assert len(result.values) == 2
    assert result.verdict is Verdict.NOISY
    assert figures.exit_status([result]) == 3


def test_noise_does_not_excuse_a_missed_bar():
    result = figures.judge(REQUEST, pair(1, 90.0, 20.0, foreign=1.0))
    assert result.verdict is Verdict.MISSED
    assert figures.exit_status([result]) == 1


def test_noise_cannot_flatter_a_figure_without_a_yardstick():
    sample = Sample(1, ANYAPI, Phase.HELD, 5.0, answers=500, foreign_during=1.0)
    assert figures.judge(HELD, [sample]).verdict is Verdict.HELD


def test_added_latency_takes_the_direct_way_off_both():
    values = {ANYAPI: 130.0, NGINX: 80.0, DIRECT: 30.0}
    samples = [Sample(1, name, Phase.LATENCY, value, answers=9) for name, value in values.items()]
    assert figures.judge(LATENCY, samples).values == (2.0,)


def test_a_yardstick_that_adds_nothing_gives_no_figure():
    samples = [Sample(1, name, Phase.LATENCY, 30.0, answers=9) for name in (ANYAPI, NGINX, DIRECT)]
    assert figures.judge(LATENCY, samples).verdict is Verdict.VOID


def test_what_was_not_measured_fails_the_run():
    result = figures.judge(REQUEST, [Sample(1, ANYAPI, Phase.REQUEST, 1.0, answers=9)])
    assert result.verdict is Verdict.NOT_MEASURED
    assert figures.exit_status([result]) == 1
    assert figures.exit_status([figures.judge(REQUEST, pair(1, 30.0, 20.0))]) == 0


def test_names_choose_figures_and_unknown_ones_are_refused():
    assert figures.choose(None) == figures.FIGURES
    assert figures.choose("startup_s, growth_ratio") == tuple(f for f in figures.FIGURES if f.name in ("startup_s", "growth_ratio"))
    with pytest.raises(ValueError, match="cpu_per_moon"):
        figures.choose("cpu_per_moon")


def test_plan_takes_what_the_figures_need_and_turns_the_order_round():
    chosen = plan.make([REQUEST], quick=False)
    assert chosen.runs >= 5
    assert chosen.load_steps(1) == [(NGINX, Phase.REQUEST), (ANYAPI, Phase.REQUEST)]
    assert chosen.load_steps(2) == [(ANYAPI, Phase.REQUEST), (NGINX, Phase.REQUEST)]
    assert not chosen.held_steps(1)
    assert not chosen.start_steps()


def test_a_whole_plan_measures_every_need_of_every_figure():
    whole = plan.make(figures.FIGURES, quick=False)
    planned = (
        set(whole.load_steps(1))
        | set(whole.held_steps(1))
        | set(whole.even_steps(1))
        | {(name, phase) for name in whole.start_steps() for phase in plan.START_PHASES}
    )
    assert planned == whole.needed


def test_what_is_added_before_sending_is_less_the_disks_own_time():
    figure = next(figure for figure in figures.FIGURES if figure.name == "durable_added_ms")
    values = {Phase.DURABLE: 12_000.0, Phase.EVEN: 1_000.0, Phase.DISK: 9_000.0}
    samples = [Sample(1, ANYAPI, phase, value, answers=9) for phase, value in values.items()]
    assert figures.judge(figure, samples).values == (2.0,)


def test_even_phases_take_turns_in_both_orders():
    whole = plan.make(figures.FIGURES, quick=False)
    assert whole.even_steps(1) == whole.even_steps(2)[::-1]
    assert [phase for _, phase in whole.even_steps(1)] == [Phase.DISK, Phase.EVEN, Phase.DURABLE]
