// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {IInference} from "./IInference.sol";
import {
    LLMCompletionRequest,
    ModelInferenceRequest,
    ModelInput,
    ModelOutput,
    MultiDimensionalNumberTensor,
    Number,
    StringTensor
} from "./PipeTypes.sol";

/// @title FreeholdInference
/// @notice Asking models from a contract. Fixed-point numbers of a contract go in with their decimals and come out with those asked for.
///
///     (bool known, int256 risk) = FreeholdInference.askNumber("ana/risk", FreeholdInference.row("X", features, 18), "Y", 18);
///
/// `known` is false in a call or an estimate, where no answer can be there: do what needs least of the rest then.
library FreeholdInference {
    IInference internal constant MODELS = IInference(0x00000000000000000000000000000000000000F4);
    uint256 private constant MAX_DECIMALS = 76;

    error OutputMissing(string name, uint256 index);
    error ShapeMismatch(uint256 values, uint256 wanted);
    error NumberOutOfRange();

    /// @notice A tensor `[1, values]`: one row of features.
    function row(string memory name, int256[] memory values, uint8 decimals)
        internal
        pure
        returns (MultiDimensionalNumberTensor memory)
    {
        return matrix(name, values, 1, decimals);
    }

    /// @notice A tensor `[rows, values ÷ rows]`, row by row.
    function matrix(string memory name, int256[] memory values, uint32 rows, uint8 decimals)
        internal
        pure
        returns (MultiDimensionalNumberTensor memory)
    {
        uint32[] memory shape = new uint32[](2);
        shape[0] = rows;
        shape[1] = uint32(values.length / rows);
        return tensor(name, values, shape, decimals);
    }

    /// @notice Any shape, row-major.
    function tensor(string memory name, int256[] memory values, uint32[] memory shape, uint8 decimals)
        internal
        pure
        returns (MultiDimensionalNumberTensor memory made)
    {
        uint256 wanted = 1;
        for (uint256 i; i < shape.length; ++i) wanted *= shape[i];
        if (values.length != wanted) revert ShapeMismatch(values.length, wanted);
        Number[] memory numbers = new Number[](values.length);
        for (uint256 i; i < values.length; ++i) {
            if (values[i] > type(int128).max || values[i] < type(int128).min) revert NumberOutOfRange();
            numbers[i] = Number(int128(values[i]), int128(uint128(decimals)));
        }
        return MultiDimensionalNumberTensor(name, numbers, shape);
    }

    /// @notice Asks a model for all that it says. The caller pays from its prepaid balance in `UsageLedger`.
    function ask(string memory model, MultiDimensionalNumberTensor memory input) internal returns (ModelOutput memory) {
        MultiDimensionalNumberTensor[] memory numbers = new MultiDimensionalNumberTensor[](1);
        numbers[0] = input;
        return MODELS.runModelInference(ModelInferenceRequest(0, model, ModelInput(numbers, new StringTensor[](0))));
    }

    /// @notice Asks a model for one number: the first of the output `name`, in `decimals`, cut.
    function askNumber(string memory model, MultiDimensionalNumberTensor memory input, string memory name, uint8 decimals)
        internal
        returns (bool known, int256 value)
    {
        ModelOutput memory output = ask(model, input);
        if (output.is_simulation_result) return (false, 0);
        return (true, number(output, name, 0, decimals));
    }

    /// @notice A number of an answer, in `decimals`, cut. Reverts with `OutputMissing` where there is none.
    function number(ModelOutput memory output, string memory name, uint256 index, uint8 decimals)
        internal
        pure
        returns (int256)
    {
        for (uint256 i; i < output.numbers.length; ++i) {
            if (keccak256(bytes(output.numbers[i].name)) != keccak256(bytes(name))) continue;
            if (index >= output.numbers[i].values.length) break;
            return scale(output.numbers[i].values[index], decimals);
        }
        revert OutputMissing(name, index);
    }

    /// @notice `value ÷ 10^decimals` in another number of decimals, cut towards zero.
    function scale(Number memory given, uint8 decimals) internal pure returns (int256) {
        int256 from = given.decimals;
        int256 to = int256(uint256(decimals));
        if (from < 0 || to - from > int256(MAX_DECIMALS)) revert NumberOutOfRange();
        if (to >= from) return int256(given.value) * int256(10 ** uint256(to - from));
        return from - to > int256(MAX_DECIMALS) ? int256(0) : int256(given.value) / int256(10 ** uint256(from - to));
    }

    /// @notice Asks a language model to go on with a text, always with its likeliest words. Empty in a call or an estimate.
    function complete(string memory model, string memory prompt, uint32 maxTokens) internal returns (string memory) {
        return MODELS.runLLMCompletion(LLMCompletionRequest(0, model, prompt, maxTokens, new string[](0), 0)).answer;
    }
}
