// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The part of the node registry that `UsageLedger` uses.
interface INodeRegistry {
    function hasRole(address operator, uint8 role) external view returns (bool);

    function isKeyValid(address operator, address key, uint64 time) external view returns (bool);

    /// @notice Keeps up to `amount` of the bond from being withdrawn while a fault is judged; returns what was there to keep.
    function lock(address operator, uint256 amount) external returns (uint256 locked);

    function unlock(address operator, uint256 amount) external;

    /// @notice Takes `amount`, locked before, from the bond and moves it to `UsageLedger`.
    function slash(address operator, uint256 amount, bytes32 cause) external;
}
