// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title TeeVerifier
/// @notice What OpenGradient's machines are known by: their attestation documents, and their RSA-PSS signatures (SHA-256 over the 32 bytes of a message hash,
/// MGF1 with SHA-256, a salt of 32 bytes; RFC 8017, §9.1.2). What is malformed or too large is false, never a revert.
contract TeeVerifier {
    uint256 private constant MAX_KEY_BYTES = 8_192;
    uint256 private constant LEAST_MODULUS = 256;
    uint256 private constant MOST_MODULUS = 1_024;
    uint256 private constant HASH = 32;
    /// @dev AlgorithmIdentifier of rsaEncryption, with its NULL.
    bytes32 private constant RSA = keccak256(hex"06092a864886f70d0101010500");

    error AttestationNeedsTheCore(uint256 time);

    /// @notice Whether an attestation document of a Nitro enclave holds at the block's time, under the given root (PEM; empty: Amazon's), and names this key
    /// (SubjectPublicKeyInfo) and TLS certificate (DER); and the Keccak-256 of its registers 0, 1 and 2. What does not hold is false, never a revert.
    /// @dev 500,000 gas. No contract can afford P-384: the execution core answers before this code runs (`evm-core/src/attestation.rs`). Another engine has none.
    function verifyAttestation(
        bytes calldata, /* attestationDocument */
        bytes calldata, /* signingPublicKey */
        bytes calldata, /* tlsCertificate */
        bytes calldata /* rootCertificate */
    ) external view returns (bool, bytes32) {
        revert AttestationNeedsTheCore(block.timestamp);
    }

    /// @param publicKeyDER SubjectPublicKeyInfo of a key of 2,048 to 8,192 bits.
    function verifyRSAPSS(bytes calldata publicKeyDER, bytes32 messageHash, bytes calldata signature)
        external
        view
        returns (bool)
    {
        if (publicKeyDER.length > MAX_KEY_BYTES || signature.length > MOST_MODULUS) return false;
        (bool ok, bytes calldata modulus, bytes calldata exponent) = _key(publicKeyDER);
        if (!ok || signature.length != modulus.length || !_isBelow(signature, modulus)) return false;
        bytes memory message = _power(signature, exponent, modulus);
        return message.length == modulus.length && _isEncoded(message, uint8(modulus[0]), sha256(abi.encode(messageHash)));
    }

    /// @dev EMSA-PSS-VERIFY. `top` is the modulus's first byte, which says how many bits the encoding has.
    function _isEncoded(bytes memory em, uint8 top, bytes32 digest) private pure returns (bool) {
        // The encoding has one bit less than the modulus: with a modulus that begins with 1, one byte less.
        uint256 from = top == 1 ? 1 : 0;
        if (from == 1 && em[0] != 0) return false;
        uint256 mask = from == 1 ? 0xff : _below(top);
        uint256 length = em.length - from;
        if (em[em.length - 1] != 0xbc || uint256(uint8(em[from])) & ~mask != 0) return false;
        uint256 size = length - HASH - 1;
        bytes32 hash;
        assembly ("memory-safe") {
            hash := mload(add(add(em, 32), add(from, size)))
        }
        bytes32 salt = _unmask(em, from, size, mask, hash);
        if (uint8(em[from + size - HASH - 1]) != 1) return false;
        for (uint256 i; i < size - HASH - 1; ++i) if (em[from + i] != 0) return false;
        return sha256(abi.encodePacked(uint64(0), digest, salt)) == hash;
    }

    /// @dev The bits below the highest one of `top`.
    function _below(uint256 top) private pure returns (uint256 mask) {
        for (uint256 bit = 1; bit * 2 <= top; bit *= 2) mask += bit;
    }

    /// @dev Takes the mask off the data block, in place; gives the salt at its end.
    function _unmask(bytes memory em, uint256 from, uint256 size, uint256 mask, bytes32 hash) private pure returns (bytes32 salt) {
        for (uint256 i; i * HASH < size; ++i) {
            bytes32 block_ = sha256(abi.encodePacked(hash, uint32(i)));
            for (uint256 j; j < HASH && i * HASH + j < size; ++j) {
                em[from + i * HASH + j] = bytes1(uint8(em[from + i * HASH + j]) ^ uint8(block_[j]));
            }
        }
        em[from] = bytes1(uint8(uint256(uint8(em[from])) & mask));
        assembly ("memory-safe") {
            salt := mload(add(add(em, 32), sub(add(from, size), 32)))
        }
    }

    function _power(bytes calldata base, bytes calldata exponent, bytes calldata modulus) private view returns (bytes memory) {
        (bool ok, bytes memory result) = address(5).staticcall(
            abi.encodePacked(base.length, exponent.length, modulus.length, base, exponent, modulus)
        );
        return ok ? result : bytes("");
    }

    function _isBelow(bytes calldata value, bytes calldata bound) private pure returns (bool) {
        for (uint256 i; i < bound.length; ++i) if (value[i] != bound[i]) return value[i] < bound[i];
        return false;
    }

    /// @dev SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE { modulus, exponent } } }, all of it and nothing after it.
    function _key(bytes calldata der) private pure returns (bool ok, bytes calldata modulus, bytes calldata exponent) {
        bytes calldata rest;
        (modulus, exponent) = (der[:0], der[:0]);
        bytes calldata body;
        (ok, body, rest) = _element(der, 0x30);
        if (!ok || rest.length != 0) return (false, modulus, exponent);
        bytes calldata part;
        (ok, part, rest) = _element(body, 0x30);
        if (!ok || keccak256(part) != RSA) return (false, modulus, exponent);
        (ok, part, rest) = _element(rest, 0x03);
        if (!ok || rest.length != 0 || part.length == 0 || part[0] != 0) return (false, modulus, exponent);
        (ok, part, rest) = _element(part[1:], 0x30);
        if (!ok || rest.length != 0) return (false, modulus, exponent);
        (ok, modulus, part) = _element(part, 0x02);
        if (!ok) return (false, modulus, exponent);
        (ok, exponent, rest) = _element(part, 0x02);
        if (!ok || rest.length != 0 || modulus.length == 0 || exponent.length == 0) return (false, modulus, exponent);
        if (modulus[0] == 0) modulus = modulus[1:];
        ok = modulus.length >= LEAST_MODULUS && modulus.length <= MOST_MODULUS && modulus[0] != 0 && exponent.length <= 8
            && uint8(modulus[modulus.length - 1]) & 1 == 1 && uint8(exponent[0]) < 0x80 && (exponent.length > 1 || uint8(exponent[0]) > 1);
    }

    /// @dev One DER element of this tag, in the shortest form, and what follows it.
    function _element(bytes calldata der, bytes1 tag) private pure returns (bool, bytes calldata, bytes calldata) {
        if (der.length < 2 || der[0] != tag) return (false, der[:0], der[:0]);
        uint256 length = uint8(der[1]);
        uint256 from = 2;
        if (length >= 0x80) {
            uint256 count = length - 0x80;
            if (count == 0 || count > 2 || der.length < 2 + count) return (false, der[:0], der[:0]);
            length = 0;
            for (uint256 i; i < count; ++i) length = length * 256 + uint8(der[2 + i]);
            if (length < 0x80 || (count == 2 && length < 0x100)) return (false, der[:0], der[:0]);
            from += count;
        }
        if (der.length < from + length) return (false, der[:0], der[:0]);
        return (true, der[from:from + length], der[from + length:]);
    }
}
