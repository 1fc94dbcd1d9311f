import Foundation
import Synchronization

/// A network namespace with transparent capture, made with ip(8) and nft(8) as the launcher makes it by netlink:
/// every address is local, every TCP port leads to one listener.
final class Namespace: Sendable {
    /// Needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN) and the programs.
    static var isPossible: Bool {
        geteuid() == 0 && ["/usr/sbin/nft", "/usr/sbin/ip"].allSatisfy(FileManager.default.isExecutableFile)
    }

    private static let cloneNewNet: Int32 = 0x4000_0000

    let listener: Int32
    let resolver: Int32
    let cookie: UInt64
    private let handle: Int32

    init() throws {
        let made = Mutex<(Int32, Int32, UInt64, Int32)?>(nil)
        try Self.onThread {
            let unshare = try Self.function("unshare", as: (@convention(c) (Int32) -> Int32).self)
            guard unshare(Self.cloneNewNet) == 0 else { throw POSIXError(.EPERM) }
            let handle = unsafe open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
            let rules = """
                table inet capture { chain p { type filter hook prerouting priority -150;
                ip daddr 127.0.0.0/8 return; ip6 daddr ::1 return; meta l4proto tcp tproxy to :3128 accept; }; }
                """
            let script = """
                ip link set lo up && ip route add local 0.0.0.0/0 dev lo src 127.0.0.1 table local &&
                ip -6 route add local ::/0 dev lo && nft '\(rules)'
                """
            let set = try Program.run("/bin/sh", ["-c", script])
            guard set.status == 0 else { throw CocoaError(.featureUnsupported) }
            let listener = try Sockets.transparentListener(port: 3_128)
            let resolver = try Sockets.freeDatagram(port: 53)
            let cookie = try Sockets.namespaceCookie()
            made.withLock { $0 = (listener, resolver, cookie, handle) }
        }
        guard let made = made.withLock({ $0 }) else { throw CocoaError(.featureUnsupported) }
        (listener, resolver, cookie, handle) = made
    }

    deinit { close(handle) }

    /// Runs a program inside.
    func run(_ path: String, _ arguments: [String]) throws -> Program {
        let result = Mutex<Program?>(nil)
        let handle = handle
        try Self.onThread {
            let setns = try Self.function("setns", as: (@convention(c) (Int32, Int32) -> Int32).self)
            guard setns(handle, Self.cloneNewNet) == 0 else { throw POSIXError(.EPERM) }
            let program = try Program.run(path, arguments)
            result.withLock { $0 = program }
        }
        guard let program = result.withLock({ $0 }) else { throw CocoaError(.featureUnsupported) }
        return program
    }

    /// A thread of its own, because a namespace belongs to a thread.
    private static func onThread(_ body: @escaping @Sendable () throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let failure = Mutex<(any Error)?>(nil)
        Thread {
            do { try body() } catch { failure.withLock { $0 = error } }
            done.signal()
        }.start()
        done.wait()
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// A glibc function that its Swift module leaves out (`_GNU_SOURCE`).
    private static func function<Function>(_ name: String, as type: Function.Type) throws -> Function {
        guard let symbol = unsafe dlsym(nil, name) else { throw POSIXError(.ENOSYS) }
        return unsafe unsafeBitCast(symbol, to: type)
    }
}
