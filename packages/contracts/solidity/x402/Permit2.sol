// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ISignatureTransfer} from "../interfaces/ISignatureTransfer.sol";

/// @title Permit2, signature transfers
/// @notice One-time transfers of any ERC-20 on the owner's signature, with or without a witness, under the typed data that wallets
/// know as "Permit2". The owner approves this contract once. Its interface and types are those at the same address on other chains;
/// the allowance part is left out. An owner with code answers by ERC-1271.
contract Permit2 is ISignatureTransfer {
    using SafeERC20 for IERC20;

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
    bytes32 private constant TOKEN_PERMISSIONS_TYPEHASH = keccak256("TokenPermissions(address token,uint256 amount)");
    bytes32 private constant TRANSFER_TYPEHASH = keccak256(
        "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)TokenPermissions(address token,uint256 amount)"
    );
    bytes32 private constant BATCH_TRANSFER_TYPEHASH = keccak256(
        "PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)TokenPermissions(address token,uint256 amount)"
    );
    string private constant WITNESS_STUB =
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";
    string private constant BATCH_WITNESS_STUB =
        "PermitBatchWitnessTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline,";

    /// @notice Used nonces: word = nonce / 256, bit = nonce % 256. Unordered.
    mapping(address owner => mapping(uint256 word => uint256 bits)) public nonceBitmap;

    event UnorderedNonceInvalidation(address indexed owner, uint256 word, uint256 mask);

    error SignatureExpired(uint256 signatureDeadline);
    error InvalidNonce();
    error InvalidAmount(uint256 maxAmount);
    error LengthMismatch();
    error InvalidSigner();
    error InvalidContractSignature();

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("Permit2"), block.chainid, address(this)));
    }

    /// @inheritdoc ISignatureTransfer
    function permitTransferFrom(
        PermitTransferFrom memory permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes calldata signature
    ) external {
        _transferOne(permit, transferDetails, owner, _hashOne(TRANSFER_TYPEHASH, permit, ""), signature);
    }

    /// @inheritdoc ISignatureTransfer
    function permitWitnessTransferFrom(
        PermitTransferFrom memory permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external {
        bytes32 typeHash = keccak256(abi.encodePacked(WITNESS_STUB, witnessTypeString));
        bytes32 structHash = _hashOne(typeHash, permit, abi.encode(witness));
        _transferOne(permit, transferDetails, owner, structHash, signature);
    }

    /// @inheritdoc ISignatureTransfer
    function permitTransferFrom(
        PermitBatchTransferFrom memory permit,
        SignatureTransferDetails[] calldata transferDetails,
        address owner,
        bytes calldata signature
    ) external {
        _transferMany(permit, transferDetails, owner, _hashMany(BATCH_TRANSFER_TYPEHASH, permit, ""), signature);
    }

    /// @inheritdoc ISignatureTransfer
    function permitWitnessTransferFrom(
        PermitBatchTransferFrom memory permit,
        SignatureTransferDetails[] calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external {
        bytes32 typeHash = keccak256(abi.encodePacked(BATCH_WITNESS_STUB, witnessTypeString));
        bytes32 structHash = _hashMany(typeHash, permit, abi.encode(witness));
        _transferMany(permit, transferDetails, owner, structHash, signature);
    }

    /// @notice Makes nonces of the caller void: those of `word` whose bits are set in `mask`.
    function invalidateUnorderedNonces(uint256 word, uint256 mask) external {
        nonceBitmap[msg.sender][word] |= mask;
        emit UnorderedNonceInvalidation(msg.sender, word, mask);
    }

    function _transferOne(
        PermitTransferFrom memory permit,
        SignatureTransferDetails calldata details,
        address owner,
        bytes32 structHash,
        bytes calldata signature
    ) private {
        if (details.requestedAmount > permit.permitted.amount) revert InvalidAmount(permit.permitted.amount);
        _authorize(owner, permit.nonce, permit.deadline, structHash, signature);
        IERC20(permit.permitted.token).safeTransferFrom(owner, details.to, details.requestedAmount);
    }

    function _transferMany(
        PermitBatchTransferFrom memory permit,
        SignatureTransferDetails[] calldata details,
        address owner,
        bytes32 structHash,
        bytes calldata signature
    ) private {
        if (details.length != permit.permitted.length) revert LengthMismatch();
        _authorize(owner, permit.nonce, permit.deadline, structHash, signature);
        for (uint256 i; i < details.length; ++i) {
            uint256 amount = details[i].requestedAmount;
            if (amount > permit.permitted[i].amount) revert InvalidAmount(permit.permitted[i].amount);
            if (amount != 0) IERC20(permit.permitted[i].token).safeTransferFrom(owner, details[i].to, amount);
        }
    }

    function _authorize(address owner, uint256 nonce, uint256 deadline, bytes32 structHash, bytes calldata signature)
        private
    {
        if (block.timestamp > deadline) revert SignatureExpired(deadline);
        uint256 bit = 1 << (nonce & 0xff);
        uint256 used = nonceBitmap[owner][nonce >> 8];
        if (used & bit != 0) revert InvalidNonce();
        nonceBitmap[owner][nonce >> 8] = used | bit;
        bytes32 digest = MessageHashUtils.toTypedDataHash(DOMAIN_SEPARATOR(), structHash);
        if (SignatureChecker.isValidSignatureNowCalldata(owner, digest, signature)) return;
        if (owner.code.length == 0) revert InvalidSigner();
        revert InvalidContractSignature();
    }

    /// @dev The spender that the owner named is whoever calls.
    function _hashOne(bytes32 typeHash, PermitTransferFrom memory permit, bytes memory witness)
        private
        view
        returns (bytes32)
    {
        bytes32 permitted = keccak256(abi.encode(TOKEN_PERMISSIONS_TYPEHASH, permit.permitted));
        return keccak256(
            abi.encodePacked(abi.encode(typeHash, permitted, msg.sender, permit.nonce, permit.deadline), witness)
        );
    }

    function _hashMany(bytes32 typeHash, PermitBatchTransferFrom memory permit, bytes memory witness)
        private
        view
        returns (bytes32)
    {
        bytes32[] memory permitted = new bytes32[](permit.permitted.length);
        for (uint256 i; i < permitted.length; ++i) {
            permitted[i] = keccak256(abi.encode(TOKEN_PERMISSIONS_TYPEHASH, permit.permitted[i]));
        }
        bytes32 list = keccak256(abi.encodePacked(permitted));
        return keccak256(
            abi.encodePacked(abi.encode(typeHash, list, msg.sender, permit.nonce, permit.deadline), witness)
        );
    }
}
