// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Addresses} from "../Addresses.sol";
import {Release} from "../ModelTypes.sol";

interface IReleases {
    function releaseExists(bytes32 release) external view returns (bool);

    function releaseOf(bytes32 release) external view returns (Release memory);

    function ownerOf(uint256 modelId) external view returns (address);
}

/// @title What `modelCID` names
/// @notice `namespace/name@major.minor` and a release id in 0x hex name one release; `namespace/name` any release of the model.
library ModelNames {
    uint256 private constant MAX_BYTES = 160;

    /// @return modelId 0 where the text is a release id. Both are 0 where it is neither.
    function parse(string memory text) internal pure returns (uint256 modelId, bytes32 release) {
        bytes memory raw = bytes(text);
        if (raw.length == 66 && raw[0] == "0" && raw[1] == "x") return (0, _hex(raw));
        uint256 end = raw.length;
        if (end == 0 || end > MAX_BYTES) return (0, 0);
        for (uint256 i; i < raw.length; ++i) {
            if (raw[i] != "@") continue;
            end = i;
            break;
        }
        assembly ("memory-safe") {
            modelId := keccak256(add(raw, 32), end)
        }
        if (end == raw.length) return (modelId, 0);
        (bool ok, uint256 major, uint256 minor) = _version(raw, end + 1);
        return ok ? (modelId, keccak256(abi.encode(modelId, major, minor))) : (0, bytes32(0));
    }

    /// @notice Whether a release is what the text names.
    function names(string memory text, bytes32 release) internal view returns (bool) {
        (uint256 modelId, bytes32 named) = parse(text);
        if (named != 0) return named == release;
        return modelId != 0 && IReleases(Addresses.MODEL_REGISTRY).releaseOf(release).modelId == modelId;
    }

    /// @notice Whether there is anything that the text names.
    function exists(string memory text) internal view returns (bool) {
        (uint256 modelId, bytes32 named) = parse(text);
        if (named != 0) return IReleases(Addresses.MODEL_REGISTRY).releaseExists(named);
        if (modelId == 0) return false;
        try IReleases(Addresses.MODEL_REGISTRY).ownerOf(modelId) returns (address) {
            return true;
        } catch {
            return false;
        }
    }

    function _version(bytes memory raw, uint256 from) private pure returns (bool, uint256 major, uint256 minor) {
        uint256 dots;
        uint256 digits;
        for (uint256 i = from; i < raw.length; ++i) {
            if (raw[i] == ".") {
                if (dots == 1 || digits == 0) return (false, 0, 0);
                (dots, digits) = (1, 0);
                continue;
            }
            uint256 code = uint8(raw[i]);
            if (code < 48 || code > 57 || ++digits > 5) return (false, 0, 0);
            uint256 digit = code - 48;
            if (dots == 0) major = major * 10 + digit;
            else minor = minor * 10 + digit;
        }
        return (dots == 1 && digits != 0, major, minor);
    }

    function _hex(bytes memory raw) private pure returns (bytes32) {
        uint256 value;
        for (uint256 i = 2; i < 66; ++i) {
            uint256 code = uint8(raw[i]);
            uint256 digit = code >= 97 ? code - 87 : code >= 48 ? code - 48 : 16;
            if (digit > 15 || (code > 57 && code < 97)) return 0;
            value = (value << 4) | digit;
        }
        return bytes32(value);
    }
}
