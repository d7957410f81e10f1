// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {Addresses} from "./Addresses.sol";
import {Payout} from "./Payout.sol";

interface IPullCredit {
    function claimable(address owner) external view returns (uint256);
    function claimFor(address owner) external returns (uint256);
    function credit(address account) external view returns (uint256);
    function withdrawFor(address account) external returns (uint256);
}

/// @title CoOwner
/// @notice One owner that is several people. Members and shares never change; what comes in is divided by shares, rounded once on
/// everything that ever came in, so neither the number nor the order of payments changes what anyone gets. It acts (sets a price,
/// retires a release, publishes, gives a model away) when members with enough shares have agreed to the very same call.
/// @dev Income is counted by the balance and what was paid out before. That is safe here: OPG moves only by plain transfers, and
/// nobody gains by sending more. Accounts are opened by `CoOwners`.
contract CoOwner is ERC721Holder {
    uint256 public constant MAX_MEMBERS = 64;
    /// @notice So that no product of a balance and a share overflows.
    uint256 public constant MAX_SHARES = type(uint64).max;

    uint256 public immutable totalShares;
    /// @notice Shares that must agree to an act.
    uint256 public immutable threshold;
    /// @notice Everything that was ever paid out.
    uint256 public paidOut;
    address[] private _members;
    mapping(address member => uint256) public sharesOf;
    mapping(address member => uint256) public paidTo;
    /// @notice How often each act was carried out: agreeing to it again begins anew.
    mapping(bytes32 act => uint256) public rounds;
    mapping(bytes32 actAndRound => mapping(address member => bool)) private _agreed;
    mapping(bytes32 actAndRound => uint256) private _agreedShares;

    event Agreed(bytes32 indexed act, address indexed member, uint256 agreedShares, address target, bytes data);
    event Withdrawn(bytes32 indexed act, address indexed member, uint256 agreedShares);
    event Acted(bytes32 indexed act, address target, bytes data);
    event Paid(address indexed member, uint256 amount);

    error InvalidMembers();
    error InvalidThreshold(uint256 threshold, uint256 totalShares);
    error NotMember(address caller);
    error AgreedAlready(bytes32 act, address member);
    error NotAgreed(bytes32 act, address member);

    constructor(address[] memory members_, uint256[] memory shares, uint256 threshold_) {
        if (members_.length == 0 || members_.length > MAX_MEMBERS || members_.length != shares.length) revert InvalidMembers();
        uint256 total;
        for (uint256 i; i < members_.length; ++i) {
            if (members_[i] == address(0) || members_[i] == address(this) || shares[i] == 0 || sharesOf[members_[i]] != 0) {
                revert InvalidMembers();
            }
            if (shares[i] > MAX_SHARES) revert InvalidMembers();
            sharesOf[members_[i]] = shares[i];
            total += shares[i];
        }
        if (total > MAX_SHARES) revert InvalidMembers();
        if (threshold_ * 2 <= total || threshold_ > total) revert InvalidThreshold(threshold_, total);
        _members = members_;
        totalShares = total;
        threshold = threshold_;
    }

    // ── money ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Takes in what the contracts owe this account, and pays every member their part. Anyone may call it.
    function pay() external {
        if (IPullCredit(Addresses.ROYALTIES).claimable(address(this)) != 0) IPullCredit(Addresses.ROYALTIES).claimFor(address(this));
        if (IPullCredit(Addresses.USAGE_LEDGER).credit(address(this)) != 0) IPullCredit(Addresses.USAGE_LEDGER).withdrawFor(address(this));
        uint256 received = IERC20(Addresses.OPG).balanceOf(address(this)) + paidOut;
        for (uint256 i; i < _members.length; ++i) {
            address member = _members[i];
            uint256 amount = _partOf(member, received) - paidTo[member];
            if (amount == 0) continue;
            paidTo[member] += amount;
            paidOut += amount;
            emit Paid(member, amount);
            Payout.send(member, amount);
        }
    }

    /// @notice What `pay` would give the member of what is here now, without what the contracts still owe.
    function due(address member) external view returns (uint256) {
        return _partOf(member, IERC20(Addresses.OPG).balanceOf(address(this)) + paidOut) - paidTo[member];
    }

    // ── acts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Agrees to a call that this account is to make. The agreement that completes the threshold makes it.
    /// @return done Whether the call was made now.
    function act(address target, bytes calldata data) external returns (bool done) {
        uint256 shares = sharesOf[msg.sender];
        if (shares == 0) revert NotMember(msg.sender);
        bytes32 id = actOf(target, data);
        bytes32 round = _roundOf(id);
        if (_agreed[round][msg.sender]) revert AgreedAlready(id, msg.sender);
        _agreed[round][msg.sender] = true;
        uint256 agreed = _agreedShares[round] + shares;
        _agreedShares[round] = agreed;
        emit Agreed(id, msg.sender, agreed, target, data);
        if (agreed < threshold) return false;
        ++rounds[id];
        emit Acted(id, target, data);
        Address.functionCall(target, data);
        return true;
    }

    /// @notice Takes an agreement back, while the call has not been made.
    function withdraw(bytes32 id) external {
        bytes32 round = _roundOf(id);
        if (!_agreed[round][msg.sender]) revert NotAgreed(id, msg.sender);
        _agreed[round][msg.sender] = false;
        uint256 agreed = _agreedShares[round] - sharesOf[msg.sender];
        _agreedShares[round] = agreed;
        emit Withdrawn(id, msg.sender, agreed);
    }

    // ── views ───────────────────────────────────────────────────────────────────────────────────────────────────────

    function members() external view returns (address[] memory) {
        return _members;
    }

    function actOf(address target, bytes calldata data) public pure returns (bytes32) {
        return keccak256(abi.encode(target, data));
    }

    /// @notice Shares that have agreed to an act that has not been carried out.
    function agreedShares(bytes32 id) external view returns (uint256) {
        return _agreedShares[_roundOf(id)];
    }

    function hasAgreed(bytes32 id, address member) external view returns (bool) {
        return _agreed[_roundOf(id)][member];
    }

    function _roundOf(bytes32 id) private view returns (bytes32) {
        return keccak256(abi.encode(id, rounds[id]));
    }

    function _partOf(address member, uint256 received) private view returns (uint256) {
        return (received * sharesOf[member]) / totalShares;
    }
}
