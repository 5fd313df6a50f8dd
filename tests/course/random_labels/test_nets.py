"""The paper's nets: its parameter counts, and what a count cannot show."""

import pytest
import torch

from course.random_labels import nets

# Zhang et al. 2017, table 1.
PAPER = {"inception": 1_649_402, "alexnet": 1_387_786, "mlp_3x512": 1_735_178, "mlp_1x512": 1_209_866}


@pytest.mark.parametrize("name", PAPER)
def test_a_net_has_the_papers_number_of_parameters_and_ten_outputs(name):
    net = nets.make(name, 0)
    assert sum(each.numel() for each in net.parameters() if each.requires_grad) == PAPER[name]
    assert net(torch.zeros(2, 3, 28, 28)).shape == (2, 10)


def test_spatial_sizes_halve_twice():
    images, sizes = torch.zeros(1, 3, 28, 28), []
    for layer in list(nets.make("inception", 0))[:-3]:
        images = layer(images)
        sizes.append(tuple(images.shape[1:]))
    assert sizes[2::1][:2] == [(80, 28, 28), (160, 14, 14)] and sizes[-1] == (336, 7, 7)


@pytest.mark.parametrize("name", PAPER)
def test_the_seed_alone_decides_the_weights(name):
    before = torch.random.get_rng_state()
    one, again, other = (
        torch.cat([each.flatten() for each in nets.make(name, seed).parameters()]) for seed in (0, 0, 1)
    )
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_unknown_net_is_told_the_known_ones():
    with pytest.raises(KeyError, match="no net is called 'resnet'; the nets are: inception, alexnet, mlp_1x512"):
        nets.make("resnet", 0)
