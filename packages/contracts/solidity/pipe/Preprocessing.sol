// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Number} from "./PipeTypes.sol";

/// @title Preprocessing
/// @notice Statistics over decimal numbers. Exact until the result, which is cut to 18 decimals; variance is that of a population. Empty input,
/// numbers that do not fit and divisions by zero revert.
contract Preprocessing {
    uint256 public constant MAX_VALUES = 1_024;
    int128 private constant RESULT_DECIMALS = 18;
    uint256 private constant ONE = 1e18;
    /// @dev Common scale of the arguments: 18 decimals, and |x| below 2^100 in it, so that sums of squares of 1,024 fit.
    uint256 private constant MOST = 1 << 100;

    function min(Number[] calldata values) external pure returns (Number memory) {
        int256[] memory x = _scaled(values);
        int256 least = x[0];
        for (uint256 i = 1; i < x.length; ++i) if (x[i] < least) least = x[i];
        return _number(least);
    }

    function max(Number[] calldata values) external pure returns (Number memory) {
        int256[] memory x = _scaled(values);
        int256 most = x[0];
        for (uint256 i = 1; i < x.length; ++i) if (x[i] > most) most = x[i];
        return _number(most);
    }

    function mean(Number[] calldata values) external pure returns (Number memory) {
        int256[] memory x = _scaled(values);
        return _number(_sum(x) / int256(x.length));
    }

    function median(Number[] calldata values) external pure returns (Number memory) {
        int256[] memory x = _scaled(values);
        // Insertion sort: short lists, and no recursion that a caller could deepen.
        for (uint256 i = 1; i < x.length; ++i) {
            int256 value = x[i];
            uint256 place = i;
            while (place > 0 && x[place - 1] > value) {
                x[place] = x[place - 1];
                --place;
            }
            x[place] = value;
        }
        uint256 half = x.length / 2;
        return _number(x.length % 2 == 1 ? x[half] : (x[half - 1] + x[half]) / 2);
    }

    function variance(Number[] calldata values) external pure returns (Number memory) {
        int256[] memory x = _scaled(values);
        return _number(int256(_spread(x) / (x.length * x.length) / ONE));
    }

    function stdDev(Number[] calldata values) external pure returns (Number memory) {
        return _number(int256(_deviation(_scaled(values))));
    }

    /// @notice (x − mean) ÷ standard deviation.
    function standardize(Number[] calldata values) external pure returns (Number[] memory results) {
        int256[] memory x = _scaled(values);
        int256 sum = _sum(x);
        int256 length = int256(x.length);
        int256 deviation = int256(_deviation(x));
        require(deviation != 0, "values are all equal");
        results = new Number[](x.length);
        for (uint256 i; i < x.length; ++i) results[i] = _number((x[i] * length - sum) * int256(ONE) / (length * deviation));
    }

    /// @notice (x − min) ÷ (max − min).
    function normalize(Number[] calldata values) external pure returns (Number[] memory results) {
        int256[] memory x = _scaled(values);
        (int256 least, int256 most) = (x[0], x[0]);
        for (uint256 i = 1; i < x.length; ++i) {
            if (x[i] < least) least = x[i];
            if (x[i] > most) most = x[i];
        }
        require(most != least, "values are all equal");
        results = new Number[](x.length);
        for (uint256 i; i < x.length; ++i) results[i] = _number((x[i] - least) * int256(ONE) / (most - least));
    }

    /// @notice Pearson's coefficient.
    function correlation(Number[] calldata first, Number[] calldata second) external pure returns (Number memory) {
        require(first.length == second.length, "lists differ in length");
        (int256[] memory x, int256[] memory y) = (_scaled(first), _scaled(second));
        int256 products;
        for (uint256 i; i < x.length; ++i) products += x[i] * y[i];
        int256 covariance = int256(x.length) * products - _sum(x) * _sum(y);
        // √a · √b cut twice would lose digits: each root keeps those of the 18-decimal scale.
        uint256 scale = Math.sqrt(_spread(x)) * Math.sqrt(_spread(y));
        require(scale != 0, "values are all equal");
        uint256 size = Math.mulDiv(uint256(covariance < 0 ? -covariance : covariance), ONE, scale);
        return _number(covariance < 0 ? -int256(size) : int256(size));
    }

    /// @dev n·Σx² − (Σx)², in 36 decimals.
    function _spread(int256[] memory x) private pure returns (uint256) {
        int256 squares;
        for (uint256 i; i < x.length; ++i) squares += x[i] * x[i];
        int256 sum = _sum(x);
        return uint256(int256(x.length) * squares - sum * sum);
    }

    function _deviation(int256[] memory x) private pure returns (uint256) {
        return Math.sqrt(_spread(x) / (x.length * x.length));
    }

    function _sum(int256[] memory x) private pure returns (int256 sum) {
        for (uint256 i; i < x.length; ++i) sum += x[i];
    }

    /// @dev In 18 decimals; digits beyond them are cut.
    function _scaled(Number[] calldata values) private pure returns (int256[] memory x) {
        require(values.length > 0 && values.length <= MAX_VALUES, "number of values");
        x = new int256[](values.length);
        for (uint256 i; i < values.length; ++i) {
            int256 decimals = values[i].decimals;
            require(decimals >= 0 && decimals <= 38, "decimals");
            int256 value = values[i].value;
            value = decimals <= 18 ? value * int256(10 ** uint256(18 - decimals)) : value / int256(10 ** uint256(decimals - 18));
            require(uint256(value < 0 ? -value : value) < MOST, "number is too large");
            x[i] = value;
        }
    }

    function _number(int256 value) private pure returns (Number memory) {
        require(value >= type(int128).min && value <= type(int128).max, "result is too large");
        return Number(int128(value), RESULT_DECIMALS);
    }
}
