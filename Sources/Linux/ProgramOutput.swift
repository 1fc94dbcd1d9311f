internal import CSandbox
internal import Glibc
internal import Synchronization

/// Runs a program without a shell and takes what it prints, with bounded time and output.
///
/// What it writes to standard error is shown nowhere, because it may hold a secret.
package struct ProgramOutput: Sendable {
    /// The program's path, and its arguments.
    package let arguments: [String]
    /// `NAME=value` entries, all that it gets.
    package let environment: [String]
    /// Octets that it may print, a line end not counted.
    package let maximum: Int
    /// Milliseconds that it may take.
    package let timeout: Int64
    /// What it reads on its standard input.
    package let input: [UInt8]

    package init(
        arguments: [String],
        environment: [String],
        maximum: Int,
        timeout: Int64,
        input: [UInt8] = []
    ) {
        self.arguments = arguments
        self.environment = environment
        self.maximum = maximum
        self.timeout = timeout
        self.input = input
    }

    /// Why there is no output; holds nothing of it.
    package struct Failure: Error, Sendable, Hashable {
        package let reason: String

        init(_ reason: String, _ number: Int32? = nil) {
            self.reason = reason + (number.map { ": \(SystemCallError.text($0))" } ?? "")
        }
    }

    /// What it printed, with its line end, when it ended with 0.
    package func run() throws(Failure) -> [UInt8] {
        let (child, descriptor) = try Self.spawning.withLock { _ throws(Failure) in try start() }
        defer { _ = close(descriptor) }
        let deadline = Self.now() + timeout
        do {
            let output = try output(descriptor, deadline)
            try requireSuccess(child, deadline)
            return output
        } catch {
            // The group too: the program may have started others that hold the pipe.
            _ = kill(-child, SIGKILL)
            _ = wait(child, WEXITED)
            throw error
        }
    }

    /// One at a time: until both ends are marked close-on-exec, another program could inherit them.
    static let spawning = Mutex(())

    private func start() throws(Failure) -> (child: pid_t, output: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw Failure("cannot make a pipe", errno) }
        defer { _ = close(ends[1]) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        do {
            return (try spawn(writingTo: ends[1]), ends[0])
        } catch {
            _ = close(ends[0])
            throw error
        }
    }

    private func spawn(writingTo output: Int32) throws(Failure) -> pid_t {
        let standing = try standingInput()
        defer { _ = close(standing) }
        return try Self.spawn(arguments, environment, reading: standing, writing: output)
    }

    /// Starts a program that has these two open, and nothing else.
    static func spawn(
        _ arguments: [String],
        _ environment: [String],
        reading input: Int32,
        writing output: Int32
    ) throws(Failure) -> pid_t {
        guard let program = arguments.first else { throw Failure("there is no program") }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        for descriptor in openDescriptors where descriptor > STDERR_FILENO {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        setUp(&attributes)
        var child: pid_t = 0
        let status = unsafe withStrings(arguments) { argv in
            unsafe withStrings(environment) { envp in
                unsafe posix_spawn(&child, program, &actions, &attributes, argv, envp)
            }
        }
        guard status == 0 else { throw Failure("cannot run it", status) }
        return child
    }

    /// What it reads: memory with the input in it, from the beginning, or nothing.
    private func standingInput() throws(Failure) -> Int32 {
        guard !input.isEmpty else {
            let nothing = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard nothing >= 0 else { throw Failure("cannot open /dev/null", errno) }
            return nothing
        }
        let memory = unsafe csb_open_memory("bailey-input")
        guard memory >= 0 else { throw Failure("cannot make memory for its input", -memory) }
        // Its offset stays at the beginning.
        let written = unsafe input.withUnsafeBytes { bytes in
            unsafe pwrite(memory, bytes.baseAddress, bytes.count, 0)
        }
        guard written == input.count else {
            _ = close(memory)
            throw Failure("cannot hand its input over")
        }
        return memory
    }

    /// All should be close-on-exec; a library's that is not must not reach the program either.
    private static var openDescriptors: [Int32] {
        guard let folder = unsafe opendir("/proc/self/fd") else { return [] }
        defer { _ = unsafe closedir(folder) }
        var descriptors: [Int32] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name) { descriptors.append(number) }
        }
        return descriptors
    }

    /// A process group of its own, no blocked signal, every signal's default action.
    private static func setUp(_ attributes: inout posix_spawnattr_t) {
        var none = sigset_t()
        var all = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigfillset(&all)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &all)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        unsafe posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags))
    }

    private func output(_ descriptor: Int32, _ deadline: Int64) throws(Failure) -> [UInt8] {
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: maximum + 2)
        defer { for index in buffer.indices { buffer[index] = 0 } }
        while true {
            try waitUntilReadable(descriptor, deadline)
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw Failure("cannot read its output", errno) }
            if count == 0 { return octets }
            octets += buffer[..<count]
            guard octets.count <= maximum + 1 else {
                for index in octets.indices { octets[index] = 0 }
                throw Failure("it printed more than \(maximum) octets")
            }
        }
    }

    private func waitUntilReadable(_ descriptor: Int32, _ deadline: Int64) throws(Failure) {
        while true {
            let left = deadline - Self.now()
            guard left > 0 else { throw tooSlow }
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&entry, 1, Int32(clamping: left))
            if ready > 0 { return }
            guard ready == 0 || errno == EINTR else { throw Failure("cannot wait for it", errno) }
        }
    }

    /// Waits for the end by polling: the program may have closed its output and run on.
    private func requireSuccess(_ child: pid_t, _ deadline: Int64) throws(Failure) {
        while true {
            if let ended = wait(child, WEXITED | WNOHANG) {
                guard ended == 0 else {
                    throw Failure("it ended with \(ended); run it by hand to see what it says")
                }
                return
            }
            guard Self.now() < deadline else { throw tooSlow }
            // Two milliseconds: programs that print a secret end right behind it.
            _ = poll(nil, 0, 2)
        }
    }

    /// The exit code, or 128 + signal; nil while it runs.
    ///
    /// Also 128 when somebody else has taken the status.
    private func wait(_ child: pid_t, _ options: Int32) -> Int32? { Self.wait(child, options) }

    /// The same of any child.
    static func wait(_ child: pid_t, _ options: Int32) -> Int32? {
        var info = unsafe siginfo_t()
        while unsafe waitid(P_PID, id_t(child), &info, options) != 0 {
            guard errno == EINTR else { return 128 }
        }
        let (pid, status) = unsafe (info._sifields._sigchld.si_pid, info._sifields._sigchld.si_status)
        guard pid != 0 else { return nil }
        return unsafe info.si_code == CLD_EXITED ? status : 128 + status
    }

    private var tooSlow: Failure { Failure("it took longer than \(timeout / 1_000) s") }

    /// Milliseconds of a clock that never steps.
    private static func now() -> Int64 { Int64(clamping: Uptime.milliseconds()) }
}

/// Runs `body` with a NULL-terminated array of C strings.
private func withStrings<Value>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
) -> Value {
    let pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
    defer { for index in unsafe pointers.indices { unsafe free(pointers[index]) } }
    return unsafe body(pointers)
}
