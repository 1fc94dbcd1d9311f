internal import CSandbox
internal import Glibc
internal import Linux

/// What a launch in progress says: that it was cloned, that it is ready, or at which step it failed.
struct LaunchReports {
    /// Descriptors that came with a launch that is ready; -1 for those that did not.
    struct Ready {
        var pidfd: Int32 = -1
        var exports = [Int32](repeating: -1, count: Int(CSB_EXPORTS.rawValue))
        var program = ""

        subscript(export: csb_export) -> Int32 { exports[Int(export.rawValue)] }

        func closeAll() {
            for descriptor in exports + [pidfd] where descriptor >= 0 { close(descriptor) }
        }
    }

    /// A step that failed, by its number in the plan.
    struct Failure: Error {
        var operation: Int32
        var errno: Int32
    }

    private let socket: Int32
    private let patience: Int32

    init(_ socket: Int32, patience: Int32) {
        self.socket = socket
        self.patience = patience
    }

    /// Waits for both reports of a launch, in whichever order they come.
    func ready() throws(Failure) -> Ready {
        var result = Ready()
        var isReady = false
        do throws(Failure) {
            while result.pidfd < 0 || !isReady {
                var (report, descriptors) = try next()
                switch UInt32(bitPattern: report.kind) {
                case CSB_CLONED.rawValue: result.pidfd = descriptors.first ?? -1
                case CSB_READY.rawValue:
                    isReady = true
                    result.program = Self.program(of: &report)
                    assign(descriptors, present: report.present, to: &result)
                default: throw Failure(operation: report.op, errno: report.error)
                }
            }
        } catch {
            if result.pidfd >= 0 { csb_kill(result.pidfd, SIGKILL) }
            result.closeAll()
            throw error
        }
        return result
    }

    private func assign(_ descriptors: [Int32], present: UInt32, to result: inout Ready) {
        var rest = descriptors[...]
        for index in result.exports.indices where present & 1 << UInt32(index) != 0 {
            result.exports[index] = rest.popFirst() ?? -1
        }
    }

    private static func program(of report: inout csb_report) -> String {
        unsafe withUnsafeBytes(of: &report.program) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private func next() throws(Failure) -> (csb_report, [Int32]) {
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&watched, 1, patience) == 1 else {
            throw Failure(operation: CSB_STAGE_PLAN.rawValue, errno: ETIMEDOUT)
        }
        let size = MemoryLayout<csb_report>.size
        let packet = try? PacketSocket.receive(
            on: socket,
            maximumBytes: size,
            maximumDescriptors: PacketSocket.maximumDescriptors
        )
        guard let packet, packet.bytes.count == size else {
            // Every process of the launch ended without a word: the parent died, or something killed it.
            throw Failure(operation: CSB_STAGE_INIT.rawValue, errno: ECHILD)
        }
        var report = csb_report()
        unsafe withUnsafeMutableBytes(of: &report) { unsafe $0.copyBytes(from: packet.bytes) }
        return (report, packet.descriptors)
    }
}
