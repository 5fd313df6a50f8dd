"""Controls: the values they can take."""

from utils.controls import ALL, Slider


def test_a_stop_is_the_same_number_however_it_is_reached():
    slider = Slider("x", 0.05, 0.95, 0.05, 0.15)
    assert slider.values(ALL)[-1] == slider.extremes()[-1] == slider.stop(0.95 + 1e-13) == 0.95
    assert slider.values(ALL)[2] == slider.start == 0.15
