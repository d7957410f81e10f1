// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Multicall} from "@openzeppelin/contracts/utils/Multicall.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Addresses} from "../Addresses.sol";
import {ChannelConfig, IChannels, IDepositCollector, VoucherClaim} from "../interfaces/IChannels.sol";

/// @title Channels
/// @notice Payment channels of the x402 `batch-settlement` scheme. A payer deposits once and signs cumulative vouchers; the receiver
/// claims the highest of many channels at once and settles what it claimed; the payer can leave after a notice, the receiver can give
/// back at once. No owner, no fee, no pause. Functions are exactly those of the scheme's reference client.
/// A channel's `balance` is what was deposited less what was given back; `balance − totalClaimed` is free.
contract Channels is IChannels, Multicall, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint40 private constant MIN_WITHDRAW_DELAY = 900;
    uint40 private constant MAX_WITHDRAW_DELAY = 2_592_000;

    bytes32 public constant CHANNEL_CONFIG_TYPEHASH = keccak256(
        "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
    );
    bytes32 private constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
    bytes32 private constant REFUND_TYPEHASH = keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
    bytes32 private constant CLAIM_ENTRY_TYPEHASH =
        keccak256("ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)");
    bytes32 private constant CLAIM_BATCH_TYPEHASH = keccak256(
        "ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
    );
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    struct Channel {
        uint128 balance;
        uint128 totalClaimed;
    }

    struct PendingWithdrawal {
        uint128 amount;
        uint40 initiatedAt;
    }

    struct Receiver {
        uint128 totalClaimed;
        uint128 totalSettled;
    }

    mapping(bytes32 channelId => Channel) public channels;
    mapping(bytes32 channelId => PendingWithdrawal) public pendingWithdrawals;
    mapping(address receiver => mapping(address token => Receiver)) public receivers;
    mapping(bytes32 channelId => uint256) public refundNonce;

    /// @notice `config` stands in the first event of a channel and in every later deposit, so that a follower needs no call.
    event Deposited(bytes32 indexed channelId, address indexed payer, address indexed receiver, ChannelConfig config, uint128 amount, uint128 balance);
    event Claimed(bytes32 indexed channelId, address indexed receiver, uint128 amount, uint128 totalClaimed);
    event Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount);
    event WithdrawInitiated(bytes32 indexed channelId, uint128 amount, uint40 initiatedAt, uint40 finalizableAt);
    event WithdrawFinalized(bytes32 indexed channelId, uint128 amount, uint128 balance);
    event Refunded(bytes32 indexed channelId, uint128 amount, uint128 balance, uint256 nonce);

    error InvalidConfig(string field);
    error InvalidAmount();
    error UnknownCollector(address collector);
    error DepositNotReceived();
    error NotReceiverAuthorizer(address caller);
    error NotPayer(address caller);
    error InvalidVoucherSignature(bytes32 channelId);
    error InvalidAuthorizerSignature();
    error MixedAuthorizers();
    error ClaimExceedsVoucher(bytes32 channelId);
    error ClaimExceedsBalance(bytes32 channelId);
    error EmptyClaim();
    error NoPendingWithdrawal(bytes32 channelId);
    error WithdrawTooEarly(bytes32 channelId, uint256 from);
    error InvalidRefundNonce(uint256 given, uint256 expected);
    error NothingToRefund(bytes32 channelId);

    // ── payer ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Adds to a channel, which exists from its first deposit. Anyone may send it: the payer's signature, checked by the
    /// collector, names the channel.
    function deposit(ChannelConfig calldata config, uint128 amount, address collector, bytes calldata collectorData)
        external
        nonReentrant
    {
        _checkConfig(config);
        if (amount == 0) revert InvalidAmount();
        if (collector != Addresses.ERC3009_DEPOSIT_COLLECTOR && collector != Addresses.PERMIT2_DEPOSIT_COLLECTOR) {
            revert UnknownCollector(collector);
        }
        bytes32 id = getChannelId(config);
        IERC20 token = IERC20(config.token);
        uint256 before = token.balanceOf(address(this));
        IDepositCollector(collector).collect(config.payer, config.token, amount, id, collectorData);
        // The stated amount is what is credited; a token that keeps part of a transfer is refused.
        if (token.balanceOf(address(this)) < before + amount) revert DepositNotReceived();
        channels[id].balance += amount;
        emit Deposited(id, config.payer, config.receiver, config, amount, channels[id].balance);
    }

    /// @notice Starts the payer's exit; a second call replaces the first and starts the notice again.
    function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external nonReentrant {
        _onlyPayer(config);
        bytes32 id = getChannelId(config);
        if (amount == 0 || amount > _free(id)) revert InvalidAmount();
        uint40 time = uint40(block.timestamp);
        pendingWithdrawals[id] = PendingWithdrawal(amount, time);
        emit WithdrawInitiated(id, amount, time, time + config.withdrawDelay);
    }

    /// @notice Pays the exit out after the notice, less what the receiver claimed meanwhile.
    function finalizeWithdraw(ChannelConfig calldata config) external nonReentrant {
        _onlyPayer(config);
        bytes32 id = getChannelId(config);
        PendingWithdrawal memory pending = pendingWithdrawals[id];
        if (pending.initiatedAt == 0) revert NoPendingWithdrawal(id);
        uint256 from = uint256(pending.initiatedAt) + config.withdrawDelay;
        if (block.timestamp < from) revert WithdrawTooEarly(id, from);
        delete pendingWithdrawals[id];
        uint128 amount = _least(pending.amount, _free(id));
        channels[id].balance -= amount;
        emit WithdrawFinalized(id, amount, channels[id].balance);
        if (amount != 0) IERC20(config.token).safeTransfer(config.payer, amount);
    }

    // ── receiver ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// @notice Claims vouchers; the caller is the authorizer of every receiver in it. A total that is not above what was claimed
    /// before changes nothing, so that a repeated claim does no harm.
    function claim(VoucherClaim[] calldata voucherClaims) external nonReentrant {
        if (_authorizerOf(voucherClaims) != msg.sender) revert NotReceiverAuthorizer(msg.sender);
        _claim(voucherClaims);
    }

    /// @notice As `claim`, on the authorizer's signature over all of it; anyone may send it.
    function claimWithSignature(VoucherClaim[] calldata voucherClaims, bytes calldata authorizerSignature)
        external
        nonReentrant
    {
        address authorizer = _authorizerOf(voucherClaims);
        bytes32 digest = getClaimBatchDigest(voucherClaims);
        if (!SignatureChecker.isValidSignatureNowCalldata(authorizer, digest, authorizerSignature)) {
            revert InvalidAuthorizerSignature();
        }
        _claim(voucherClaims);
    }

    /// @notice Moves what was claimed for a receiver to it; anyone may send it, and nothing to settle is no error.
    function settle(address receiver, address token) external nonReentrant {
        Receiver storage account = receivers[receiver][token];
        uint128 amount = account.totalClaimed - account.totalSettled;
        if (amount == 0) return;
        account.totalSettled = account.totalClaimed;
        emit Settled(receiver, token, msg.sender, amount);
        IERC20(token).safeTransfer(receiver, amount);
    }

    /// @notice Gives the payer back at once, at most what is free.
    function refund(ChannelConfig calldata config, uint128 amount) external nonReentrant {
        if (msg.sender != config.receiverAuthorizer) revert NotReceiverAuthorizer(msg.sender);
        _refund(config, getChannelId(config), amount);
    }

    /// @notice As `refund`, on the authorizer's signature; anyone may send it.
    function refundWithSignature(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 nonce,
        bytes calldata receiverAuthorizerSignature
    ) external nonReentrant {
        bytes32 id = getChannelId(config);
        if (nonce != refundNonce[id]) revert InvalidRefundNonce(nonce, refundNonce[id]);
        bytes32 digest = getRefundDigest(id, nonce, amount);
        if (!SignatureChecker.isValidSignatureNowCalldata(config.receiverAuthorizer, digest, receiverAuthorizerSignature)) {
            revert InvalidAuthorizerSignature();
        }
        _refund(config, id, amount);
    }

    // ── typed data ──────────────────────────────────────────────────────────────────────────────────────────────────

    function getChannelId(ChannelConfig calldata config) public view returns (bytes32) {
        return _typedData(keccak256(abi.encode(CHANNEL_CONFIG_TYPEHASH, config)));
    }

    function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) public view returns (bytes32) {
        return _typedData(keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, maxClaimableAmount)));
    }

    function getRefundDigest(bytes32 channelId, uint256 nonce, uint128 amount) public view returns (bytes32) {
        return _typedData(keccak256(abi.encode(REFUND_TYPEHASH, channelId, nonce, amount)));
    }

    function getClaimBatchDigest(VoucherClaim[] calldata voucherClaims) public view returns (bytes32) {
        bytes32[] memory entries = new bytes32[](voucherClaims.length);
        for (uint256 i; i < voucherClaims.length; ++i) {
            VoucherClaim calldata item = voucherClaims[i];
            entries[i] = keccak256(
                abi.encode(
                    CLAIM_ENTRY_TYPEHASH,
                    getChannelId(item.voucher.channel),
                    item.voucher.maxClaimableAmount,
                    item.totalClaimed
                )
            );
        }
        return _typedData(keccak256(abi.encode(CLAIM_BATCH_TYPEHASH, keccak256(abi.encodePacked(entries)))));
    }

    // ── helpers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    function _claim(VoucherClaim[] calldata voucherClaims) private {
        for (uint256 i; i < voucherClaims.length; ++i) _claimOne(voucherClaims[i]);
    }

    function _claimOne(VoucherClaim calldata item) private {
        ChannelConfig calldata config = item.voucher.channel;
        bytes32 id = getChannelId(config);
        if (item.totalClaimed > item.voucher.maxClaimableAmount) revert ClaimExceedsVoucher(id);
        Channel storage channel = channels[id];
        if (item.totalClaimed <= channel.totalClaimed) return;
        if (item.totalClaimed > channel.balance) revert ClaimExceedsBalance(id);
        _checkVoucher(config, id, item.voucher.maxClaimableAmount, item.signature);
        uint128 amount = item.totalClaimed - channel.totalClaimed;
        channel.totalClaimed = item.totalClaimed;
        receivers[config.receiver][config.token].totalClaimed += amount;
        emit Claimed(id, config.receiver, amount, item.totalClaimed);
    }

    /// @dev A named authorizer signs with its key, whatever code stands at its address; without one the payer answers, by code or key.
    function _checkVoucher(ChannelConfig calldata config, bytes32 id, uint128 maxClaimable, bytes calldata signature)
        private
        view
    {
        bytes32 digest = getVoucherDigest(id, maxClaimable);
        bool ok;
        if (config.payerAuthorizer == address(0)) {
            ok = SignatureChecker.isValidSignatureNowCalldata(config.payer, digest, signature);
        } else {
            (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
            ok = failure == ECDSA.RecoverError.NoError && signer == config.payerAuthorizer;
        }
        if (!ok) revert InvalidVoucherSignature(id);
    }

    function _refund(ChannelConfig calldata config, bytes32 id, uint128 asked) private {
        uint128 amount = _least(asked, _free(id));
        if (amount == 0) revert NothingToRefund(id);
        uint256 nonce = refundNonce[id]++;
        channels[id].balance -= amount;
        emit Refunded(id, amount, channels[id].balance, nonce);
        IERC20(config.token).safeTransfer(config.payer, amount);
    }

    function _authorizerOf(VoucherClaim[] calldata voucherClaims) private pure returns (address authorizer) {
        if (voucherClaims.length == 0) revert EmptyClaim();
        authorizer = voucherClaims[0].voucher.channel.receiverAuthorizer;
        for (uint256 i = 1; i < voucherClaims.length; ++i) {
            if (voucherClaims[i].voucher.channel.receiverAuthorizer != authorizer) revert MixedAuthorizers();
        }
    }

    function _checkConfig(ChannelConfig calldata config) private pure {
        if (config.payer == address(0)) revert InvalidConfig("payer");
        if (config.receiver == address(0)) revert InvalidConfig("receiver");
        if (config.receiverAuthorizer == address(0)) revert InvalidConfig("receiverAuthorizer");
        if (config.token == address(0)) revert InvalidConfig("token");
        if (config.withdrawDelay < MIN_WITHDRAW_DELAY || config.withdrawDelay > MAX_WITHDRAW_DELAY) {
            revert InvalidConfig("withdrawDelay");
        }
    }

    /// @dev The payer's authorizer may start an exit too; its money goes to the payer in any case.
    function _onlyPayer(ChannelConfig calldata config) private view {
        if (msg.sender != config.payer && msg.sender != config.payerAuthorizer) revert NotPayer(msg.sender);
    }

    function _free(bytes32 id) private view returns (uint128) {
        return channels[id].balance - channels[id].totalClaimed;
    }

    function _typedData(bytes32 structHash) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("x402 Batch Settlement"), keccak256("1"), block.chainid, address(this))
        );
        return MessageHashUtils.toTypedDataHash(domain, structHash);
    }

    function _least(uint128 a, uint128 b) private pure returns (uint128) {
        return a < b ? a : b;
    }
}
