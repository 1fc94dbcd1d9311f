internal import Glibc
internal import Linux
internal import Model

/// One process in procfs (proc(5)); whatever cannot be read is not there.
struct ProcessFolder {
    private let process: pid_t

    /// Octets of a file that are read: more children than a shell or a build tool has at a time.
    private static let longest = 16 << 10

    /// What is asked about.
    enum Role {
        case holder, parent

        /// Octets of arguments, and of a path, that are evidence: an agent decides how long they are, and each new connection
        /// may bring others.
        var longest: Int { self == .holder ? 2 << 10 : 256 }
    }

    init(_ process: pid_t) {
        self.process = process
    }

    func threads(atMost most: Int) -> [String] { names(in: "task", atMost: most) }

    func descriptors(atMost most: Int) -> [String] { names(in: "fd", atMost: most) }

    func children(of thread: String) -> [pid_t] {
        octets("task/\(thread)/children").split(separator: UInt8(ascii: " ")).compactMap(Self.number)
    }

    /// Behind the name, which may hold anything, stand the state and the parent.
    var parent: pid_t? {
        let octets = octets("stat")
        guard let end = octets.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = octets[(end + 1)...].split(separator: UInt8(ascii: " "), maxSplits: 2)
        return fields.count > 1 ? Self.number(fields[1]) : nil
    }

    /// What a symbolic link in the folder says, of which no more than so many octets.
    func link(_ name: String, atMost most: Int = Int(PATH_MAX)) -> String? {
        let target = unsafe [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            let length = unsafe start.withMemoryRebound(to: CChar.self, capacity: buffer.count) {
                unsafe readlink("/proc/\(process)/\(name)", $0, buffer.count)
            }
            count = max(0, length)
        }
        guard !target.isEmpty else { return nil }
        return String(decoding: target.prefix(most), as: UTF8.self) + (target.count > most ? "…" : "")
    }

    /// Nil where it is gone.
    func evidence(as role: Role, _ digest: ConnectionWitness.Digest) -> ProcessEvidence? {
        guard let inside = numberInside else { return nil }
        let program = unsafe OwnedDescriptor(open("/proc/\(process)/exe", O_RDONLY | O_CLOEXEC | O_NONBLOCK))
        return ProcessEvidence(
            pid: inside,
            program: link("exe", atMost: role.longest),
            programDigest: program.rawValue >= 0 ? digest(program.rawValue, role == .holder) : nil,
            argv: arguments(atMost: role.longest)
        )
    }

    /// Each ends with a zero octet, but one that was cut.
    private func arguments(atMost most: Int) -> [String] {
        var words = octets("cmdline", atMost: most).split(separator: 0, omittingEmptySubsequences: false)
        let isCut = words.last?.isEmpty == false
        if !isCut, !words.isEmpty { words.removeLast() }
        return words.map { String(decoding: $0, as: UTF8.self) } + (isCut ? ["…"] : [])
    }

    /// The last of its numbers, one for each namespace, is its own's.
    private var numberInside: Int32? {
        // Line breaks in a process's name are escaped: no line is another's.
        octets("status").split(separator: UInt8(ascii: "\n"))
            .first { $0.starts(with: "NSpid:".utf8) }?
            .split(separator: UInt8(ascii: "\t")).last
            .flatMap(Self.number)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int32? {
        Int32(String(decoding: digits, as: UTF8.self))
    }

    private func names(in folder: String, atMost most: Int) -> [String] {
        guard let stream = unsafe opendir("/proc/\(process)/\(folder)") else { return [] }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while names.count < most, let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name.utf8.first != UInt8(ascii: ".") { names.append(name) }
        }
        return names
    }

    private func octets(_ name: String, atMost most: Int = longest) -> [UInt8] {
        let file = unsafe OwnedDescriptor(open("/proc/\(process)/\(name)", O_RDONLY | O_CLOEXEC))
        guard file.rawValue >= 0 else { return [] }
        return unsafe [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            count = unsafe max(0, read(file.rawValue, buffer.baseAddress, buffer.count))
        }
    }
}
