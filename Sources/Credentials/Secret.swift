internal import Glibc

/// A secret's octets.
///
/// It cannot be copied, has no description, and is overwritten when it ends.
///
/// Safe to use: the storage is its own, never grows, and is reachable only through `with…`.
@safe
package struct Secret: ~Copyable, Sendable {
    // Written in `init` and in `deinit` only, when nobody else can hold the value.
    nonisolated(unsafe) private let storage: UnsafeMutableRawBufferPointer

    /// Takes the octets; the caller's own copy is the caller's to overwrite.
    package init(_ octets: some Collection<UInt8>) {
        unsafe storage = .allocate(byteCount: octets.count, alignment: 1)
        unsafe storage.copyBytes(from: octets)
    }

    deinit {
        if let base = unsafe storage.baseAddress { unsafe explicit_bzero(base, storage.count) }
        unsafe storage.deallocate()
    }

    package var count: Int { unsafe storage.count }

    /// The octets, for no longer than `body` runs.
    package borrowing func withOctets<Value>(_ body: ([UInt8]) -> Value) -> Value {
        var octets = unsafe [UInt8](storage)
        defer { octets.wipe() }
        return body(octets)
    }

    /// The octets as text.
    package borrowing func withText<Value>(_ body: (String) -> Value) -> Value {
        unsafe body(String(decoding: storage, as: UTF8.self))
    }
}

extension [UInt8] {
    /// Overwrites the octets, in a way that the compiler does not drop.
    mutating func wipe() {
        unsafe withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { unsafe explicit_bzero(base, bytes.count) }
        }
    }
}
