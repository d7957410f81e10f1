// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Order, Receipt} from "./UsageTypes.sol";

/// @title Typed data of orders and receipts (EIP-712)
library EvidenceHash {
    bytes32 internal constant ORDER_TYPEHASH = keccak256(
        "Order(bytes32 callId,address gateway,address node,bytes32 release,uint32 priceVersion,bytes32 payer,bytes32 request,uint8 mode,uint64 maxInputUnits,uint64 maxOutputUnits,uint256 nodeFee,uint256 gatewayFee,uint64 deadline)"
    );
    bytes32 internal constant RECEIPT_TYPEHASH = keccak256(
        "Receipt(bytes32 order,bytes32 response,bytes32 engine,uint64 inputUnits,uint64 outputUnits,uint256 charge,uint64 startedAt,uint64 finishedAt)"
    );

    function hashOrder(Order calldata order) internal pure returns (bytes32) {
        return keccak256(abi.encode(ORDER_TYPEHASH, order));
    }

    function hashReceipt(Receipt calldata receipt) internal pure returns (bytes32) {
        return keccak256(abi.encode(RECEIPT_TYPEHASH, receipt));
    }

    /// @notice Key that signed a digest; the zero address when the signature is not one.
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address) {
        (address key, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        return failure == ECDSA.RecoverError.NoError ? key : address(0);
    }
}
