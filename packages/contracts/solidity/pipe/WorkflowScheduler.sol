// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title WorkflowScheduler
/// @notice A list of contracts whose `run()` somebody wants called at intervals. Executors read it and call `run()`; nothing here obliges them.
contract WorkflowScheduler {
    struct Task {
        address user;
        address contractAddress;
        uint256 endTime;
        uint256 frequency;
    }

    uint256 public constant MAX_TASKS_OF_USER = 64;

    bytes32[] public taskIds;
    mapping(bytes32 id => Task) public tasks;
    mapping(bytes32 id => uint256) private _place;
    mapping(address user => uint256) private _count;

    event TaskRegistered(address indexed user, address indexed contractAddress, uint256 endTime, uint256 frequency);
    event TaskStopped(address indexed user, address indexed contractAddress);
    event TaskUpdated(address indexed user, address indexed contractAddress, uint256 endTime, uint256 frequency);

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

    function stopTask(address contractAddress) external {
        bytes32 id = _known(contractAddress);
        uint256 place = _place[id];
        bytes32 last = taskIds[taskIds.length - 1];
        taskIds[place - 1] = last;
        _place[last] = place;
        taskIds.pop();
        delete _place[id];
        delete tasks[id];
        --_count[msg.sender];
        emit TaskStopped(msg.sender, contractAddress);
    }

    function getAllTasks() external view returns (Task[] memory all) {
        all = new Task[](taskIds.length);
        for (uint256 i; i < all.length; ++i) all[i] = tasks[taskIds[i]];
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
