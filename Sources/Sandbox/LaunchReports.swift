internal import CSandbox
internal import Glibc
internal import Linux

/// What a launch in progress says: that it was cloned, that it is ready, or at which step it failed.
struct LaunchReports: ~Copyable {
    /// Descriptors that came with a launch that is ready; -1 for those that did not.
    struct Ready {
        var pidfd: Int32 = -1
        var exports = [Int32](repeating: -1, count: Int(CSB_EXPORTS.rawValue))
        var program = ""

        subscript(export: csb_export) -> Int32 { exports[Int(export.rawValue)] }
    }

    /// A step that failed, by its number in the plan.
    struct Failure: Error {
        var operation: Int32
        var errno: Int32
    }

    private let socket: OwnedDescriptor
    private var heard = Ready()
    private var isReady = false

    init(_ socket: consuming OwnedDescriptor) {
        self.socket = socket
    }

    /// What has come is nobody's any more: the process ends, and its descriptors close.
    deinit {
        if heard.pidfd >= 0 { csb_kill(heard.pidfd, SIGKILL) }
        for descriptor in heard.exports + [heard.pidfd] where descriptor >= 0 { close(descriptor) }
    }

    /// For poll(2): readable when there is more.
    var descriptor: Int32 { socket.rawValue }

    /// Takes what has come, without waiting: everything, once both reports are there, in whichever order.
    mutating func next() throws(Failure) -> Ready? {
        while heard.pidfd < 0 || !isReady {
            guard let (packed, descriptors) = try packet() else { return nil }
            var report = packed
            switch UInt32(bitPattern: report.kind) {
            case CSB_CLONED.rawValue: heard.pidfd = descriptors.first ?? -1
            case CSB_READY.rawValue:
                isReady = true
                heard.program = Self.program(of: &report)
                assign(descriptors, present: report.present)
            default: throw Failure(operation: report.op, errno: report.error)
            }
        }
        defer { heard = Ready() }
        return heard
    }

    private mutating func assign(_ descriptors: [Int32], present: UInt32) {
        var rest = descriptors[...]
        for index in heard.exports.indices where present & 1 << UInt32(index) != 0 {
            heard.exports[index] = rest.popFirst() ?? -1
        }
    }

    private static func program(of report: inout csb_report) -> String {
        unsafe withUnsafeBytes(of: &report.program) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private func packet() throws(Failure) -> (csb_report, [Int32])? {
        let size = MemoryLayout<csb_report>.size
        let packet: PacketSocket.Packet?
        do throws(SystemCallError) {
            packet = try PacketSocket.receive(
                on: socket.rawValue,
                maximumBytes: size,
                maximumDescriptors: PacketSocket.maximumDescriptors
            )
        } catch {
            throw Failure(operation: CSB_STAGE_INIT.rawValue, errno: error.errno)
        }
        guard let packet else { return nil }
        guard packet.bytes.count == size else {
            // Every process of the launch ended without a word: the parent died, or something killed it.
            throw Failure(operation: CSB_STAGE_INIT.rawValue, errno: ECHILD)
        }
        var report = csb_report()
        unsafe withUnsafeMutableBytes(of: &report) { unsafe $0.copyBytes(from: packet.bytes) }
        return (report, packet.descriptors)
    }
}
