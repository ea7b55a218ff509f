from simulated import simulator


def test_it_takes_time():
    assert simulator.run(16) > 0.0


def test_more_pixels_take_more_time():
    assert simulator.run(32) > simulator.run(16)


class TestZero:
    def test_nothing_takes_none(self):
        assert simulator.run(0) == 0.0
