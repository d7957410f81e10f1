// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "./Addresses.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IRoyalties} from "./interfaces/IRoyalties.sol";
import {Parent} from "./ModelTypes.sol";
import {Payout} from "./Payout.sol";

/// @title Royalties
/// @notice Splits what reaches a release between its owner and its parents, one level at a time. Each share is computed on everything
/// the release ever received and rounded down once on that total, so neither the number nor the order of steps changes what anyone
/// gets. What the rounding leaves (fewer units than the release has payees) stays with the release until more arrives.
/// Income belongs to whoever owns the model when it reaches the model.
contract Royalties is IRoyalties {
    uint256 private constant BASIS_POINTS = 10_000;
    /// @notice Most releases in one `flow`.
    uint256 public constant MAX_FLOW = 256;

    /// @notice Booked to a release by its descendants, waiting for `flow`.
    mapping(bytes32 release => uint256) public upstream;
    /// @notice Everything that was ever split at a release.
    mapping(bytes32 release => uint256) public received;
    /// @notice What an address may take out.
    mapping(address owner => uint256) public claimable;

    event RoyaltyBooked(bytes32 indexed release, bytes32 indexed parent, uint256 amount);
    event OwnerCredited(bytes32 indexed release, address indexed owner, uint256 amount, bool fromDescendants);
    event Claimed(address indexed owner, address indexed to, uint256 amount);

    error NotUsageLedger();
    error ReleaseMissing(bytes32 release);
    error TooManyReleases(uint256 count);
    error NothingToClaim(address owner);

    /// @inheritdoc IRoyalties
    function book(bytes32 release, uint256 amount) external {
        if (msg.sender != Addresses.USAGE_LEDGER) revert NotUsageLedger();
        _split(release, amount, false);
    }

    /// @notice Passes on what waits at each release; those with nothing waiting are skipped. Anyone may call it, in any order.
    function flow(bytes32[] calldata releases) external {
        if (releases.length > MAX_FLOW) revert TooManyReleases(releases.length);
        for (uint256 i; i < releases.length; ++i) {
            bytes32 release = releases[i];
            uint256 amount = upstream[release];
            if (amount == 0) continue;
            upstream[release] = 0;
            _split(release, amount, true);
        }
    }

    /// @notice Pays the caller's income to `to`.
    function claim(address to) external returns (uint256 amount) {
        return _pay(msg.sender, to);
    }

    /// @notice Pays an owner's income to that owner; anyone may trigger it (an owner may be a contract that cannot).
    function claimFor(address owner) external returns (uint256 amount) {
        return _pay(owner, owner);
    }

    /// @notice What is still on its way at a release: booked and not passed on, and the rest of earlier divisions.
    function owed(bytes32 release) external view returns (uint256) {
        return upstream[release] + _remainder(release);
    }

    function _split(bytes32 release, uint256 amount, bool fromDescendants) private {
        (address owner, Parent[] memory parents) = IModelRegistry(Addresses.MODEL_REGISTRY).splitOf(release);
        if (owner == address(0)) revert ReleaseMissing(release);
        uint256 before = received[release];
        uint256 total = before + amount;
        received[release] = total;
        uint256 ownerBps = BASIS_POINTS;
        for (uint256 i; i < parents.length; ++i) {
            uint256 bps = parents[i].bps;
            ownerBps -= bps;
            uint256 share = _share(total, bps) - _share(before, bps);
            if (share == 0) continue;
            upstream[parents[i].release] += share;
            emit RoyaltyBooked(release, parents[i].release, share);
        }
        uint256 rest = _share(total, ownerBps) - _share(before, ownerBps);
        if (rest == 0) return;
        claimable[owner] += rest;
        emit OwnerCredited(release, owner, rest, fromDescendants);
    }

    function _remainder(bytes32 release) private view returns (uint256 remainder) {
        (, Parent[] memory parents) = IModelRegistry(Addresses.MODEL_REGISTRY).splitOf(release);
        uint256 total = received[release];
        remainder = total;
        uint256 ownerBps = BASIS_POINTS;
        for (uint256 i; i < parents.length; ++i) {
            ownerBps -= parents[i].bps;
            remainder -= _share(total, parents[i].bps);
        }
        remainder -= _share(total, ownerBps);
    }

    function _share(uint256 total, uint256 bps) private pure returns (uint256) {
        return (total * bps) / BASIS_POINTS;
    }

    function _pay(address owner, address to) private returns (uint256 amount) {
        amount = claimable[owner];
        if (amount == 0) revert NothingToClaim(owner);
        claimable[owner] = 0;
        emit Claimed(owner, to, amount);
        Payout.send(to, amount);
    }
}
