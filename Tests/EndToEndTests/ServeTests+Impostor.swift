import Foundation
import TestSupport
import Testing

extension EndToEnd.ServeTests {
    /// What is heard where a user looks for a supervisor, in a folder that an agent could have made.
    private func heard(by listener: RunningCommand, of place: Place) throws -> [Int] {
        #expect(listener.awaitOutput("up"))
        let environment = ["XDG_RUNTIME_DIR": place.workspace + "/rt", "MARK": "secret"]
        _ = try place.bailey(["run", "-p", "base", "--", "true"], environment: environment)
        _ = try place.bailey(["ps"], environment: environment)
        // It may not have been woken yet: for the connection of each.
        let end = Date(timeIntervalSinceNow: 60)
        while listener.outputSoFar.split(separator: "\n").count < 3, Date() < end {
            Thread.sleep(forTimeInterval: 0.01)
        }
        listener.signal(SIGTERM)
        return listener.finish().lines.dropFirst().compactMap { Int($0) }
    }

    @Test(
        "A user asks no agent that listens in a supervisor's stead: it hears nothing, not even with the user's id"
    )
    func impostor() throws {
        let place = try Place(for: .ordinary)
        try place.write(
            """
            import os, socket
            os.umask(0o077); os.makedirs('rt/bailey', exist_ok=True)
            if os.path.exists('rt/bailey/control'): os.unlink('rt/bailey/control')
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.bind('rt/bailey/control'); s.listen(9); print('up', flush=True)
            while True:
                c = s.accept()[0]
                print(len(c.recv(1 << 16)), flush=True)
                c.close()
            """,
            to: "workspace/listen.py"
        )
        let agent = try heard(by: place.running("exec python3 listen.py"), of: place)
        #expect(!agent.isEmpty && agent.allSatisfy { $0 == 0 }, "\(agent)")
        let listener = try RunningCommand(
            place.starter.prefix + ["python3", "listen.py"],
            environment: place.environment,
            directory: place.workspace
        )
        let control = try heard(by: listener, of: place)
        #expect(control.contains { $0 > 0 }, "\(control)")
    }
}
