// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";
import {Payout} from "../Payout.sol";

/// @title WorkflowScheduler
/// @notice A list of contracts whose `run()` somebody wants called at intervals. Anyone may call a task that is due by `execute`, and is paid for the gas, and
/// half as much again, from what the task was funded with. Nothing obliges anybody to call what has no funds.
contract WorkflowScheduler is ReentrancyGuard {
    struct Task {
        address user;
        address contractAddress;
        uint256 endTime;
        uint256 frequency;
    }

    struct Execution {
        uint64 lastRun;
        uint64 runs;
        uint128 purse;
    }

    uint256 public constant MAX_TASKS_OF_USER = 64;
    /// @notice What an executor gets on top of the gas of a run that succeeded, in percent of it. A run that failed is paid without.
    uint256 public constant PREMIUM_PERCENT = 50;
    /// @notice An executor's gas is paid at its price, but at most at so many base fees.
    uint256 public constant MAX_BASE_FEES = 2;
    /// @dev What a transaction costs outside of what is measured here.
    uint256 private constant OVERHEAD_GAS = 70_000;

    bytes32[] public taskIds;
    mapping(bytes32 id => Task) public tasks;
    mapping(bytes32 id => uint256) private _place;
    mapping(address user => uint256) private _count;
    mapping(bytes32 id => Execution) private _executions;

    event TaskRegistered(address indexed user, address indexed contractAddress, uint256 endTime, uint256 frequency);
    event TaskStopped(address indexed user, address indexed contractAddress);
    event TaskUpdated(address indexed user, address indexed contractAddress, uint256 endTime, uint256 frequency);
    event TaskFunded(bytes32 indexed id, address indexed from, uint256 amount);
    event TaskExecuted(bytes32 indexed id, address indexed executor, bool ok, uint256 paid);

    error NotDue(bytes32 id);
    error TooLittleGas();
    error NotEnded(bytes32 id);

    /// @param endTime Unix seconds.
    /// @param frequencySeconds Between two runs.
    function registerTask(address contractAddress, uint256 endTime, uint256 frequencySeconds) external {
        bytes32 id = _id(msg.sender, contractAddress);
        require(_place[id] == 0, "Task already exists");
        require(_count[msg.sender] < MAX_TASKS_OF_USER, "Too many tasks");
        _check(endTime, frequencySeconds);
        tasks[id] = Task(msg.sender, contractAddress, endTime, frequencySeconds);
        taskIds.push(id);
        _place[id] = taskIds.length;
        ++_count[msg.sender];
        emit TaskRegistered(msg.sender, contractAddress, endTime, frequencySeconds);
    }

    function updateTask(address contractAddress, uint256 endTime, uint256 frequency) external {
        bytes32 id = _known(contractAddress);
        _check(endTime, frequency);
        (tasks[id].endTime, tasks[id].frequency) = (endTime, frequency);
        emit TaskUpdated(msg.sender, contractAddress, endTime, frequency);
    }

    /// @notice Ends the caller's task; what it was funded with and did not use goes back to the caller.
    function stopTask(address contractAddress) external nonReentrant {
        _remove(_known(contractAddress));
    }

    /// @notice Takes a task whose time is over off the list; what is left goes to its user. Anyone may.
    function removeEnded(bytes32 id) external nonReentrant {
        if (_place[id] == 0 || block.timestamp <= tasks[id].endTime) revert NotEnded(id);
        _remove(id);
    }

    /// @notice Pays `amount` OPG of the caller, approved before, for executions of a task.
    function fund(bytes32 id, uint128 amount) external nonReentrant {
        require(_place[id] != 0, "Task does not exist");
        _executions[id].purse += amount;
        emit TaskFunded(id, msg.sender, amount);
        Payout.collect(msg.sender, amount);
    }

    /// @notice Calls `run()` of a task that is due. The time counts also where the run fails: it is due again after its interval.
    function execute(bytes32 id) external nonReentrant {
        uint256 atStart = gasleft();
        if (!isDue(id)) revert NotDue(id);
        Execution storage execution = _executions[id];
        (execution.lastRun, execution.runs) = (uint64(block.timestamp), execution.runs + 1);
        uint256 before = gasleft();
        bool ok = LowLevelCall.callNoReturn(tasks[id].contractAddress, hex"c0406226");
        // A run that had all of the gas that there was may have failed for want of more: nobody is paid for giving too little.
        if (!ok && gasleft() < before / 32) revert TooLittleGas();
        uint256 price = tx.gasprice > MAX_BASE_FEES * block.basefee ? MAX_BASE_FEES * block.basefee : tx.gasprice;
        uint256 paid = (atStart - gasleft() + OVERHEAD_GAS) * price;
        if (ok) paid += paid * PREMIUM_PERCENT / 100;
        if (paid > execution.purse) paid = execution.purse;
        execution.purse -= uint128(paid);
        emit TaskExecuted(id, msg.sender, ok, paid);
        if (paid != 0) Payout.send(msg.sender, paid);
    }

    /// @notice Whether a task may be executed now.
    function isDue(bytes32 id) public view returns (bool) {
        Task storage task = tasks[id];
        return _place[id] != 0 && block.timestamp <= task.endTime && block.timestamp - _executions[id].lastRun >= task.frequency;
    }

    /// @notice Of the tasks from `from` on, at most `count`: those that are due.
    function dueTasks(uint256 from, uint256 count) external view returns (bytes32[] memory due) {
        uint256 end = from + count < taskIds.length ? from + count : taskIds.length;
        if (from >= end) return due;
        due = new bytes32[](end - from);
        uint256 found;
        for (uint256 i = from; i < end; ++i) if (isDue(taskIds[i])) due[found++] = taskIds[i];
        assembly ("memory-safe") {
            mstore(due, found)
        }
    }

    /// @notice When a task ran last (Unix seconds), how often, and what it has left to pay executors with.
    function executionOf(bytes32 id) external view returns (Execution memory) {
        return _executions[id];
    }

    function taskCount() external view returns (uint256) {
        return taskIds.length;
    }

    function idOf(address user, address contractAddress) external pure returns (bytes32) {
        return _id(user, contractAddress);
    }

    function getAllTasks() external view returns (Task[] memory all) {
        all = new Task[](taskIds.length);
        for (uint256 i; i < all.length; ++i) all[i] = tasks[taskIds[i]];
    }

    function _remove(bytes32 id) private {
        (address user, address contractAddress) = (tasks[id].user, tasks[id].contractAddress);
        uint256 left = _executions[id].purse;
        uint256 place = _place[id];
        bytes32 last = taskIds[taskIds.length - 1];
        taskIds[place - 1] = last;
        _place[last] = place;
        taskIds.pop();
        delete _place[id];
        delete tasks[id];
        delete _executions[id];
        --_count[user];
        emit TaskStopped(user, contractAddress);
        if (left != 0) Payout.send(user, left);
    }

    function _check(uint256 endTime, uint256 frequency) private view {
        require(endTime > block.timestamp, "End time must be in the future");
        require(frequency > 0, "Frequency must be greater than 0");
    }

    function _known(address contractAddress) private view returns (bytes32 id) {
        id = _id(msg.sender, contractAddress);
        require(_place[id] != 0, "Task does not exist or unauthorized");
    }

    function _id(address user, address contractAddress) private pure returns (bytes32) {
        return keccak256(abi.encode(user, contractAddress));
    }
}
