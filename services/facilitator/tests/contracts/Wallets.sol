// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// Smart wallets for tests, by ERC-1271. Their code is put at an address without a constructor, or delegated to (EIP-7702), so
/// what they know stands in their first slots.
contract OwnedWallet {
    bytes4 internal constant YES = 0x1626ba7e;
    bytes4 internal constant NO = 0xffffffff;

    /// Whose key signs for it.
    address public owner;
    bool public closed;

    function isValidSignature(bytes32 digest, bytes calldata signature) external view virtual returns (bytes4) {
        return !closed && isOwners(digest, signature) ? YES : NO;
    }

    /// The first 65 bytes are the owner's; what follows is as long as it likes.
    function isOwners(bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signature.length < 65) {
            return false;
        }
        uint8 v = uint8(signature[64]);
        address recovered = ecrecover(digest, v, bytes32(signature[0:32]), bytes32(signature[32:64]));
        return recovered != address(0) && recovered == owner;
    }

    /// From now on it has signed nothing.
    function close() external {
        closed = true;
    }
}

/// Says yes to whoever only asks, and no in a transaction that somebody pays for.
contract LyingWallet is OwnedWallet {
    function isValidSignature(bytes32, bytes calldata) external view override returns (bytes4) {
        return tx.gasprice == 0 || block.basefee == 0 ? YES : NO;
    }
}

/// Takes all the gas that it gets.
contract BurningWallet {
    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 burnt;
        while (gasleft() > 0) {
            burnt += 1;
        }
        return 0x1626ba7e;
    }
}

/// Has signed nothing, whoever's key it was.
contract RefusingWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return 0xffffffff;
    }
}

contract DeployedWallet is OwnedWallet {
    constructor(address who) {
        owner = who;
    }
}

/// Deploys a wallet for an owner, once, at an address that is known before (ERC-6492).
contract WalletFactory {
    function make(address owner) external returns (address) {
        return address(new DeployedWallet{salt: 0}(owner));
    }

    function addressOf(address owner) external view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(DeployedWallet).creationCode, abi.encode(owner)));
        return address(uint160(uint256(keccak256(abi.encodePacked(hex"ff", address(this), bytes32(0), code)))));
    }
}

/// The part of Multicall3 that we call, as strict (github.com/mds1/multicall3: src/Multicall3.sol, `aggregate3`).
contract Multicall3 {
    struct Call3 {
        address target;
        bool allowFailure;
        bytes callData;
    }

    struct Result {
        bool success;
        bytes returnData;
    }

    function aggregate3(Call3[] calldata calls) external payable returns (Result[] memory results) {
        results = new Result[](calls.length);
        for (uint256 i; i < calls.length; i++) {
            (results[i].success, results[i].returnData) = calls[i].target.call(calls[i].callData);
            require(results[i].success || calls[i].allowFailure, "Multicall3: call failed");
        }
    }
}
