// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Addresses} from "./Addresses.sol";

/// @title OPG
/// @notice The native token as an ERC-20: `balanceOf` is the account's native balance, and a transfer moves it through the transfer
/// precompile, on the engine's own journal, so that a revert undoes it like any other change. There is one balance and one supply.
/// Permits (ERC-2612) and authorizations (EIP-3009) accept `(v, r, s)` and `bytes` signatures; accounts with code answer by ERC-1271.
/// The only calls out are that precompile and static calls to signers.
contract OPG is ERC20, ERC20Permit, ERC3009 {
    /// @notice Fixed at genesis; nothing mints or burns.
    uint256 public constant SUPPLY = 1_000_000_000 ether;

    bytes32 private constant PERMIT_TYPEHASH =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    /// @dev The precompile refused, or is not there.
    error NativeTransferFailed();

    constructor() ERC20("OpenGradient", "OPG") ERC20Permit("OpenGradient") {}

    /// @notice Version of the EIP-712 domain, which payment clients ask for.
    function version() external pure returns (string memory) {
        return "1";
    }

    function totalSupply() public pure override returns (uint256) {
        return SUPPLY;
    }

    function balanceOf(address account) public view override returns (uint256) {
        return account.balance;
    }

    /// @notice ERC-2612 permit; `owner` may be an account with code, which is then asked by ERC-1271.
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        public
        override
    {
        permit(owner, spender, value, deadline, abi.encodePacked(r, s, v));
    }

    /// @notice ERC-2612 permit with a signature of any length.
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes memory signature) public {
        if (block.timestamp > deadline) revert ERC2612ExpiredSignature(deadline);
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(PERMIT_TYPEHASH, owner, spender, value, _useNonce(owner), deadline)));
        if (!SignatureChecker.isValidSignatureNow(owner, digest, signature)) revert ERC2612InvalidSigner(address(0), owner);
        _approve(owner, spender, value);
    }

    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) public override {
        transferWithAuthorization(from, to, value, validAfter, validBefore, nonce, abi.encodePacked(r, s, v));
    }

    /// @notice EIP-3009 transfer with a signature of any length.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) public {
        bytes32 structHash =
            keccak256(abi.encode(TRANSFER_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce));
        _requireSignature(from, structHash, signature);
        _transferWithAuthorization(from, to, value, validAfter, validBefore, nonce);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) public override {
        receiveWithAuthorization(from, to, value, validAfter, validBefore, nonce, abi.encodePacked(r, s, v));
    }

    /// @notice EIP-3009 transfer that only the payee can send, with a signature of any length.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes memory signature
    ) public {
        if (to != _msgSender()) revert ERC20InvalidReceiver(to);
        bytes32 structHash =
            keccak256(abi.encode(RECEIVE_WITH_AUTHORIZATION_TYPEHASH, from, to, value, validAfter, validBefore, nonce));
        _requireSignature(from, structHash, signature);
        _transferWithAuthorization(from, to, value, validAfter, validBefore, nonce);
    }

    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) public override {
        cancelAuthorization(authorizer, nonce, abi.encodePacked(r, s, v));
    }

    /// @notice Makes an unused authorization void, with a signature of any length.
    function cancelAuthorization(address authorizer, bytes32 nonce, bytes memory signature) public {
        _requireSignature(authorizer, keccak256(abi.encode(CANCEL_AUTHORIZATION_TYPEHASH, authorizer, nonce)), signature);
        _cancelAuthorization(authorizer, nonce);
    }

    /// @dev Times are Unix seconds only, as EIP-3009 has them.
    function _checkValidity(uint256 validAfter, uint256 validBefore) internal view override {
        if (block.timestamp <= validAfter || block.timestamp >= validBefore) {
            revert ERC3009InvalidAuthorizationTime(validAfter, validBefore);
        }
    }

    function _requireSignature(address signer, bytes32 structHash, bytes memory signature) private view {
        if (!SignatureChecker.isValidSignatureNow(signer, _hashTypedDataV4(structHash), signature)) {
            revert ERC3009InvalidSignature();
        }
    }

    /// @dev Both addresses are non-zero here: nothing in this contract mints or burns. The receiver's balance is compared afterwards,
    /// because a call to an address without code succeeds: on an engine without the precompile a transfer must fail, not pretend.
    function _update(address from, address to, uint256 value) internal override {
        if (to == address(this)) revert ERC20InvalidReceiver(to);
        uint256 fromBalance = from.balance;
        if (fromBalance < value) revert ERC20InsufficientBalance(from, fromBalance, value);
        uint256 expected = from == to ? fromBalance : to.balance + value;
        (bool ok,) = Addresses.TRANSFER_PRECOMPILE.call(abi.encode(from, to, value));
        if (!ok || to.balance != expected) revert NativeTransferFailed();
        emit Transfer(from, to, value);
    }
}
