// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Addresses} from "../Addresses.sol";
import {IPrepaid} from "../interfaces/IPrepaid.sol";
import {IInference, IInferenceFor} from "./IInference.sol";
import {LiveAnswers} from "./LiveAnswers.sol";
import {ModelNames} from "./ModelNames.sol";
import {
    LLMChatRequest,
    LLMChatResponse,
    LLMCompletionRequest,
    LLMCompletionResponse,
    ModelInferenceRequest,
    ModelOutput
} from "./PipeTypes.sol";

interface IPrepaidView {
    function prepaidOf(address account) external view returns (uint256 balance, uint256 cap);
}

/// @title Inference
/// @notice What contracts call to ask a model. The answer was delivered before the transaction runs; where it is missing the call reverts with
/// "inference unavailable". In a call or an estimate, where nothing can be delivered, the answer is empty and says so, unless the ledger's operator lets
/// models be asked (`LiveAnswers`). Runs no code of strangers.
contract Inference is LiveAnswers, IInference, IInferenceFor {
    event ModelInferenceEvent(string inferenceID, ModelInferenceRequest request, ModelOutput response);
    event LLMCompletionEvent(string inferenceID, LLMCompletionRequest request, LLMCompletionResponse response);
    event LLMChat(string inferenceID, LLMChatRequest request, LLMChatResponse response);

    error NotAProtocolContract(address caller);

    bytes1 private constant NEXT = 0x01;
    bytes1 private constant ANSWERED = 0x02;
    bytes1 private constant ABSENT = 0x03;

    /// @inheritdoc IInference
    function runModelInference(ModelInferenceRequest calldata request) external returns (ModelOutput memory) {
        return _model(msg.sender, request);
    }

    /// @inheritdoc IInference
    function runLLMCompletion(LLMCompletionRequest calldata request) external returns (LLMCompletionResponse memory) {
        return _completion(msg.sender, request);
    }

    /// @inheritdoc IInference
    function runLLMChat(LLMChatRequest calldata request) external returns (LLMChatResponse memory) {
        return _chat(msg.sender, request);
    }

    /// @inheritdoc IInferenceFor
    function runModelInferenceFor(address payer, ModelInferenceRequest calldata request)
        external
        returns (ModelOutput memory)
    {
        _onlyProtocol();
        return _model(payer, request);
    }

    /// @inheritdoc IInferenceFor
    function runLLMCompletionFor(address payer, LLMCompletionRequest calldata request)
        external
        returns (LLMCompletionResponse memory)
    {
        _onlyProtocol();
        return _completion(payer, request);
    }

    /// @inheritdoc IInferenceFor
    function runLLMChatFor(address payer, LLMChatRequest calldata request) external returns (LLMChatResponse memory) {
        _onlyProtocol();
        return _chat(payer, request);
    }

    function _model(address payer, ModelInferenceRequest calldata request) private returns (ModelOutput memory output) {
        (bytes32 id, bytes memory answer) = _ask(KIND_MODEL, payer, request.mode, request.modelCID, abi.encode(request));
        if (answer.length == 0) output.is_simulation_result = true;
        else output = abi.decode(answer, (ModelOutput));
        emit ModelInferenceEvent(_text(id), request, output);
    }

    function _completion(address payer, LLMCompletionRequest calldata request)
        private
        returns (LLMCompletionResponse memory response)
    {
        (bytes32 id, bytes memory answer) =
            _ask(KIND_COMPLETION, payer, request.mode, request.modelCID, abi.encode(request));
        if (answer.length != 0) response = abi.decode(answer, (LLMCompletionResponse));
        emit LLMCompletionEvent(_text(id), request, response);
    }

    function _chat(address payer, LLMChatRequest calldata request) private returns (LLMChatResponse memory response) {
        (bytes32 id, bytes memory answer) = _ask(KIND_CHAT, payer, request.mode, request.modelCID, abi.encode(request));
        if (answer.length != 0) response = abi.decode(answer, (LLMChatResponse));
        emit LLMChat(_text(id), request, response);
    }

    /// @return id The call's id.
    /// @return answer Encoded; empty in a simulation that has none.
    function _ask(uint8 kind, address payer, uint8 mode, string calldata model, bytes memory request)
        private
        returns (bytes32 id, bytes memory answer)
    {
        require(mode == 0, "inference mode is not offered: only 0 (VANILLA)");
        bool simulates;
        (id, simulates) = _next(kind, payer, request);
        Result storage result = _results[id];
        if (result.state != State.delivered || _isExpired(result)) return (id, _absent(simulates, payer, model));
        if (!result.ok) revert(string.concat("inference failed: ", string(result.output)));
        require(ModelNames.names(model, result.call.release), "inference unavailable");
        IPrepaid(Addresses.USAGE_LEDGER).chargePrepaid(payer, _total(result.call));
        result.state = State.charged;
        _core(abi.encodePacked(ANSWERED, id));
        return (id, result.output);
    }

    function _next(uint8 kind, address payer, bytes memory request) private returns (bytes32 id, bool simulates) {
        bytes32 hash = requestHash(kind, payer, keccak256(request));
        (bool ok, bytes memory told) =
            Addresses.PIPE_PRECOMPILE.call(abi.encodePacked(NEXT, hash, abi.encode(kind, payer, request)));
        require(ok && told.length == 64, "too many model calls in one transaction");
        return abi.decode(told, (bytes32, bool));
    }

    /// @dev An empty answer, and gas set aside for a real one, in a simulation; what would surely fail later fails in it already.
    function _absent(bool simulates, address payer, string calldata model) private returns (bytes memory) {
        require(simulates, "inference unavailable");
        require(ModelNames.exists(model), "unknown model");
        (uint256 balance,) = IPrepaidView(Addresses.USAGE_LEDGER).prepaidOf(payer);
        require(balance != 0, "prepaid balance is too small");
        _core(abi.encodePacked(ABSENT));
        return "";
    }

    function _core(bytes memory input) private {
        (bool ok,) = Addresses.PIPE_PRECOMPILE.call(input);
        require(ok, "inference unavailable");
    }

    function _onlyProtocol() private view {
        if (msg.sender != Addresses.INFERENCE_HUB && msg.sender != Addresses.HISTORICAL) {
            revert NotAProtocolContract(msg.sender);
        }
    }

    function _text(bytes32 id) private pure returns (string memory) {
        return Strings.toHexString(uint256(id), 32);
    }
}
