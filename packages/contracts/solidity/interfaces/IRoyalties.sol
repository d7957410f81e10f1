// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IRoyalties {
    /// @notice Books income that reached a release. `UsageLedger` alone may call it, and has moved the OPG here before.
    function book(bytes32 release, uint256 amount) external;
}
