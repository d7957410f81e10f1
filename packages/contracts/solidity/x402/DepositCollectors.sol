// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Addresses} from "../Addresses.sol";
import {IDepositCollector} from "../interfaces/IChannels.sol";
import {ISignatureTransfer} from "../interfaces/ISignatureTransfer.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

interface IReceiveWithAuthorization {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}

/// @title Deposit by EIP-3009
/// @notice The payer signs `ReceiveWithAuthorization` to this contract with a nonce that commits to the channel, so the deposit can go
/// nowhere else. Data = `abi.encode(uint256 validAfter, uint256 validBefore, uint256 salt, bytes signature)`.
contract Erc3009DepositCollector is IDepositCollector {
    using SafeERC20 for IERC20;

    error NotChannels();

    /// @inheritdoc IDepositCollector
    function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata data) external {
        if (msg.sender != Addresses.CHANNELS) revert NotChannels();
        (uint256 validAfter, uint256 validBefore, uint256 salt, bytes memory signature) =
            abi.decode(data, (uint256, uint256, uint256, bytes));
        bytes32 nonce = keccak256(abi.encode(channelId, salt));
        IReceiveWithAuthorization(token).receiveWithAuthorization(
            payer, address(this), amount, validAfter, validBefore, nonce, signature
        );
        IERC20(token).safeTransfer(Addresses.CHANNELS, amount);
    }
}

/// @title Deposit by Permit2
/// @notice The payer signs a Permit2 transfer to this contract whose witness is the channel. Data = `abi.encode(uint256 nonce,
/// uint256 deadline, bytes signature, bytes permit)`; `permit`, where not empty, is an ERC-2612 permit for Permit2 itself:
/// `abi.encode(uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)`.
contract Permit2DepositCollector is IDepositCollector {
    bytes32 private constant WITNESS_TYPEHASH = keccak256("DepositWitness(bytes32 channelId)");
    string private constant WITNESS_TYPE =
        "DepositWitness witness)DepositWitness(bytes32 channelId)TokenPermissions(address token,uint256 amount)";

    error NotChannels();

    /// @inheritdoc IDepositCollector
    function collect(address payer, address token, uint256 amount, bytes32 channelId, bytes calldata data) external {
        if (msg.sender != Addresses.CHANNELS) revert NotChannels();
        (uint256 nonce, uint256 deadline, bytes memory signature, bytes memory permit) =
            abi.decode(data, (uint256, uint256, bytes, bytes));
        if (permit.length != 0) _permit(payer, token, permit);
        ISignatureTransfer(Addresses.PERMIT2).permitWitnessTransferFrom(
            ISignatureTransfer.PermitTransferFrom({
                permitted: ISignatureTransfer.TokenPermissions({token: token, amount: amount}),
                nonce: nonce,
                deadline: deadline
            }),
            ISignatureTransfer.SignatureTransferDetails({to: Addresses.CHANNELS, requestedAmount: amount}),
            payer,
            keccak256(abi.encode(WITNESS_TYPEHASH, channelId)),
            WITNESS_TYPE,
            signature
        );
    }

    /// @dev A permit that was used before it arrived here does no harm: the allowance is there, or the transfer fails.
    function _permit(address payer, address token, bytes memory permit) private {
        (uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) =
            abi.decode(permit, (uint256, uint256, uint8, bytes32, bytes32));
        try IERC20Permit(token).permit(payer, Addresses.PERMIT2, value, deadline, v, r, s) {} catch {}
    }
}
