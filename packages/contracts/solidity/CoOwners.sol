// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CoOwner} from "./CoOwner.sol";

/// @title CoOwners
/// @notice Anyone opens a common owner for several people: an account that holds models, divides what they earn, and acts when enough
/// of its shares agree. The account's address follows from its members, shares and threshold, so it can be paid before it is opened.
contract CoOwners {
    /// @notice Whether an account was opened here, and so keeps the rules of `CoOwner`.
    mapping(address account => bool) public isCoOwner;

    event Opened(address indexed account, address[] members, uint256[] shares, uint256 threshold);

    error AlreadyOpened(address account);

    /// @param members Whose it is, each once.
    /// @param shares What each member gets of every whole that is their sum.
    /// @param threshold Shares that must agree to an act; more than half of all, so that two halves cannot act against each other.
    /// @param salt Tells accounts of the same members apart.
    function open(address[] calldata members, uint256[] calldata shares, uint256 threshold, bytes32 salt)
        external
        returns (address account)
    {
        account = addressOf(members, shares, threshold, salt);
        if (isCoOwner[account]) revert AlreadyOpened(account);
        isCoOwner[account] = true;
        new CoOwner{salt: salt}(members, shares, threshold);
        emit Opened(account, members, shares, threshold);
    }

    /// @notice Address of the account with these members (CREATE2).
    function addressOf(address[] calldata members, uint256[] calldata shares, uint256 threshold, bytes32 salt)
        public
        view
        returns (address)
    {
        bytes32 code = keccak256(abi.encodePacked(type(CoOwner).creationCode, abi.encode(members, shares, threshold)));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), salt, code)))));
    }
}
