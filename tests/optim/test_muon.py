from copy import deepcopy

import pytest
import torch
from torch import nn

from mnist_cnn.networks import CNN
from mnist_cnn.optim.muon import ROUNDS, MuonAdamW, orthogonalise
from mnist_cnn.optim.optimizers import OptimizerSettings, build_optimizer, hidden_matrices

SETTINGS = OptimizerSettings("muon", lr=0.1, adamw_lr=0.01, weight_decay=0.02, momentum=0.6)


def train(network: nn.Module, optimizer: torch.optim.Optimizer, steps: int, seed: int = 0) -> None:
    for step in range(steps):
        torch.manual_seed(seed + step)
        optimizer.zero_grad()
        network(torch.randn(8, 1, 28, 28)).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("shape", [(16, 9), (32, 144), (64, 64)])
def test_orthogonalising_brings_all_singular_values_near_one(shape: tuple[int, int]) -> None:
    """And changes no direction: the singular vectors stay."""
    torch.manual_seed(0)
    rank = min(shape)
    u, _ = torch.linalg.qr(torch.randn(shape[0], rank))
    v, _ = torch.linalg.qr(torch.randn(shape[1], rank))
    spread = torch.logspace(0, -1.5, rank)
    result = u.T @ orthogonalise(7.0 * u @ spread.diag() @ v.T) @ v
    assert result.diag().min() > 0.6
    assert result.diag().max() < 1.3
    assert (result - result.diag().diag()).abs().max() < 1e-3


def test_a_gradient_of_zero_stays_zero() -> None:
    assert torch.equal(orthogonalise(torch.zeros(4, 6)), torch.zeros(4, 6))


@pytest.mark.parametrize("shape", [(32, 48), (48, 32)])
def test_matrices_go_where_torchs_muon_takes_them(shape: tuple[int, int]) -> None:
    """torch.optim.Muon computes in bfloat16, so that they agree to its 3 digits."""
    torch.manual_seed(0)
    ours, theirs = nn.Parameter(torch.randn(shape)), nn.Parameter(torch.empty(shape))
    theirs.data.copy_(ours.data)
    start = ours.data.clone()
    first = MuonAdamW([{"params": [ours], "orthogonal": True, "lr": 0.1, "momentum": 0.6, "weight_decay": 0.01}])
    second = torch.optim.Muon([theirs], lr=0.1, momentum=0.6, weight_decay=0.01, ns_steps=ROUNDS)
    for _ in range(5):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        first.step()
        second.step()
    torch.testing.assert_close(ours, theirs, atol=0.02, rtol=0.02)
    assert (ours - start).norm() > 1.0


def test_kernels_go_the_way_of_their_matrices_in_any_memory_format() -> None:
    torch.manual_seed(0)
    kernels, gradient = torch.randn(8, 4, 3, 3), torch.randn(8, 4, 3, 3)
    results = []
    for memory_format in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(kernels.clone(memory_format=memory_format))
        weight.grad = gradient.clone(memory_format=memory_format)
        MuonAdamW([{"params": [weight], "orthogonal": True}]).step()
        results.append(weight.detach().flatten(1))
    matrix = nn.Parameter(kernels.flatten(1).clone())
    matrix.grad = gradient.flatten(1)
    MuonAdamW([{"params": [matrix], "orthogonal": True}]).step()
    torch.testing.assert_close(results[0], matrix.detach())
    torch.testing.assert_close(results[1], matrix.detach())


def test_all_else_is_trained_by_adamw_to_the_bit() -> None:
    torch.manual_seed(0)
    ours = [nn.Parameter(torch.randn(5)), nn.Parameter(torch.randn(3, 4))]
    theirs = [nn.Parameter(parameter.detach().clone()) for parameter in ours]
    first = MuonAdamW([{"params": ours, "lr": 0.01, "weight_decay": 0.1}])
    second = torch.optim.AdamW(theirs, lr=0.01, weight_decay=0.1)
    for _ in range(4):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn(mine.shape)
            other.grad = mine.grad.clone()
        first.step()
        second.step()
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine, other)


def test_weights_of_hidden_layers_are_orthogonalised_and_all_others_are_not() -> None:
    network = CNN(batch_norm=True)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert [names[id(weight)] for weight in hidden_matrices(network)] == [
        *[f"blocks.{block}.0.weight" for block in range(3)],
        "head.1.weight",
    ]
    matrices, others = build_optimizer(network, SETTINGS).param_groups
    assert (matrices["orthogonal"], matrices["lr"], matrices["momentum"]) == (True, 0.1, 0.6)
    assert (others["orthogonal"], others["lr"], others["betas"]) == (False, 0.01, (0.9, 0.999))
    assert len(matrices["params"]) + len(others["params"]) == len(list(network.parameters()))


def test_its_state_can_be_saved_and_goes_on_to_the_bit() -> None:
    torch.manual_seed(0)
    whole, resumed = CNN(channels=[4, 8]), CNN(channels=[4, 8])
    optimizer = build_optimizer(whole, SETTINGS)
    train(whole, optimizer, 3)
    resumed.load_state_dict(whole.state_dict())
    later = build_optimizer(resumed, SETTINGS)
    later.load_state_dict(deepcopy(optimizer.state_dict()))  # which else is shared
    train(whole, optimizer, 3, seed=10)
    train(resumed, later, 3, seed=10)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
