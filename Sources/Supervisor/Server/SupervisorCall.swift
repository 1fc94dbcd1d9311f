internal import Client
internal import Glibc
internal import Linux
internal import Model

/// One request to every supervisor of this user, each asked once, as soon as it has said which run it is.
///
/// Those in the user's own folders come first; whoever else is registered says by a link where it listens, which may lead to what
/// never answers, and is looked for beside. Each registration whose lock is held has to be answered for, or its supervisor
/// is named: two may have told of one path, and one may be another's to reach.
struct SupervisorCall {
    /// Milliseconds in which a supervisor has to say which it is: it may be launching a burst of agents.
    private static let patience: UInt64 = 5_000
    /// Milliseconds between two looks at what is still being looked for beside.
    private static let pace: UInt64 = 5

    /// One that was asked.
    struct Asked {
        /// Which it is, in words.
        let description: String
        let channel: ControlChannel
    }

    private struct Waiting {
        let path: String
        let channel: ControlChannel
        let deadline: UInt64
    }

    /// Who said a run's name: two processes that say one are both asked.
    private struct Speaker: Hashable {
        let run: ByteText
        let process: Int32?
    }

    private let request: [UInt8]
    private let places: SupervisorPlaces
    private var waiting: [Waiting] = []
    private var heard: Set<Speaker> = []
    /// What hindered at paths of registrations.
    private var reasons: [ByteText: String] = [:]
    /// Paths that something was said of already.
    private var told: Set<ByteText> = []
    /// In the order in which they said who they are.
    private(set) var asked: [Asked] = []
    /// Why nothing will be heard of some, each with its name.
    private(set) var silent: [String]

    private init(_ request: [UInt8], _ places: SupervisorPlaces) {
        self.request = request
        self.places = places
        silent = places.failures
    }

    /// Asks all that are found; what they answer is the caller's to read.
    ///
    /// - Parameters:
    ///   - request: in the form in which it is sent.
    ///   - places: where they may be.
    ///   - patience: milliseconds for those that are not reached at once.
    /// - Returns: whom it reached, and whom not.
    static func make(
        _ request: [UInt8],
        to places: SupervisorPlaces,
        patience: UInt64 = SupervisorSearch.patience
    ) -> SupervisorCall {
        var call = SupervisorCall(request, places)
        var busy: [String] = []
        for path in places.own where !call.connect(path) { busy.append(path) }
        let search = SupervisorSearch(busy + places.elsewhere, patience: patience)
        while !call.waiting.isEmpty || search.isUnderWay {
            for found in search.take() { call.greet(found) }
            call.listen(noLongerThan: search.isUnderWay ? pace : Self.patience)
        }
        for found in search.take() { call.greet(found) }
        while !call.waiting.isEmpty { call.listen(noLongerThan: Self.patience) }
        for path in search.missing { call.fail(path, "nothing is heard at it") }
        call.nameUnheard()
        return call
    }

    /// False where its listener has no room for one more at once.
    private mutating func connect(_ path: String) -> Bool {
        do throws(SystemCallError) {
            guard let socket = try RuntimeFolder.connection(to: path, patience: 0) else { return true }
            greet(
                SupervisorSearch.Found(
                    path: path,
                    result: .success(ControlChannel(socket, acceptedDescriptors: 0))
                )
            )
            return true
        } catch {
            if error.errno == EAGAIN { return false }
            fail(path, "\(error)")
            return true
        }
    }

    private mutating func greet(_ found: SupervisorSearch.Found) {
        switch found.result {
        case .success(nil): return
        case .success(let channel?):
            do throws(ControlError) {
                try channel.send(ControlRequest.name.bytes)
                let deadline = Poller.now() + Self.patience
                waiting.append(Waiting(path: found.path, channel: channel, deadline: deadline))
            } catch {
                fail(found.path, "\(error)")
            }
        case .failure(let error): fail(found.path, "\(error)")
        }
    }

    /// Reads what is there from whoever is waited for.
    private mutating func listen(noLongerThan milliseconds: UInt64) {
        var watched = waiting.map { pollfd(fd: $0.channel.descriptor, events: Int16(POLLIN), revents: 0) }
        let now = Poller.now()
        let next = waiting.lazy.map(\.deadline).min().map { $0 > now ? $0 - now : 0 } ?? milliseconds
        unsafe _ = poll(&watched, nfds_t(watched.count), Int32(clamping: min(next, milliseconds)))
        let later = Poller.now()
        var still: [Waiting] = []
        for (one, state) in zip(waiting, watched) {
            if state.revents != 0, hear(one) { continue }
            if later < one.deadline {
                still.append(one)
            } else {
                fail(one.path, "nothing was heard for \(Self.patience / 1_000) s")
            }
        }
        waiting = still
    }

    /// False where nothing whole has come yet.
    private mutating func hear(_ one: Waiting) -> Bool {
        do throws(ControlError) {
            switch try one.channel.receive() {
            case .nothing: return false
            // One that ends has no agents.
            case .closed: return true
            case .message(let bytes, _): try know(one, ControlReply(bytes: bytes))
            }
        } catch {
            fail(one.path, "\(error.message)")
        }
        return true
    }

    private mutating func know(_ one: Waiting, _ reply: ControlReply) throws(ControlError) {
        if case .refused(_, let message) = reply { throw ControlError(message) }
        guard case .named(let run) = reply else {
            throw ControlError("an answer to another question: is it of another version?")
        }
        let process = PacketSocket.peer(of: one.channel.descriptor)?.process
        let speaker = Speaker(run: ByteText(run), process: process)
        guard heard.insert(speaker).inserted, places.concerns(run) else { return }
        do throws(ControlError) {
            try one.channel.send(request)
            asked.append(Asked(description: SupervisorPlaces.description(of: one.path), channel: one.channel))
        } catch {
            throw ControlError("it cannot be asked: \(error.message)")
        }
    }

    private mutating func fail(_ path: String, _ reason: String) {
        // What a link in the state directory led to is told of when it is known that its supervisor lives.
        guard places.isTold(of: path) else {
            reasons[ByteText(path)] = reason
            return
        }
        told.insert(ByteText(path))
        silent.append("\(SupervisorPlaces.description(of: path)) does not answer, and is left out: \(reason)")
    }

    private static let unknown =
        "is that folder gone, or is what listens there another's, or of another user namespace?"

    private mutating func nameUnheard() {
        let runs = Set(heard.map(\.run))
        let unheard = places.registered.filter { entry in
            !runs.contains(ByteText(entry.run)) && !told.contains(ByteText(entry.socket))
        }
        for entry in places.folder.living(unheard) {
            let reason = reasons[ByteText(entry.socket)] ?? Self.unknown
            silent.append(
                "the supervisor of run \(entry.run) lives and is not heard at \(entry.socket): \(reason)"
            )
        }
    }
}
