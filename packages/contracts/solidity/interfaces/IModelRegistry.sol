// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Parent, PriceVersion} from "../ModelTypes.sol";

/// @notice The part of the registry that the money contracts read.
interface IModelRegistry {
    /// @notice A price version and when the release was retired (0: it is not). `priceVersion.validFrom` is 0 when there is no such version.
    function priceOf(bytes32 release, uint32 version) external view returns (PriceVersion memory price, uint64 retiredAt);

    /// @notice Who is paid when money reaches a release. The owner is the zero address when the release does not exist.
    function splitOf(bytes32 release) external view returns (address owner, Parent[] memory parents);
}
