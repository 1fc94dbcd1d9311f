import Foundation
import Glibc
import Testing

// What an agent starts without asking for a launch.
extension EndToEnd.DelegationTests {
    @Test(
        "G16: a program that an agent starts without asking for a launch is that agent, and no level of its own"
    )
    func rawFork() throws {
        try preload(asking: "/child/g16-preload", otherwise: "/parent/g16-preload")
        let outcome = try place.agent(
            """
            bailey run -p child -- sh -c '\(curl) \(origin)/child/g16-shell
                python3 -c "import os; os.fork() or os.execlp(\\"curl\\", \\"curl\\", \\"-sS\\", \\"-m60\\", \\"\(origin)/child/g16-fork\\"); os.wait()"
                cp "$(command -v curl)" ./copy; ./copy -sS -m60 \(origin)/parent/g16-copy
                LD_PRELOAD=./preloaded.so sleep 0; echo "slept $?"'
            """,
            profile: "parent"
        )
        #expect(outcome.output.contains("GET allowed.test /child/g16-fork"), "\(outcome)")
        let records = try place.records()
        #expect(
            records.map(\.record.action) == [
                "GET /child/g16-shell", "GET /child/g16-fork", "GET /parent/g16-copy",
                "GET /child/g16-preload", "GET /parent/g16-preload",
            ],
            "\(outcome)"
        )
        #expect(records.map(\.verdict) == ["allow", "allow", "deny", "allow", "deny"], "\(records)")
        #expect(outcome.output.hasSuffix("preloaded 200\npreloaded 403\nslept 0\n"), "\(outcome)")
        #expect(Set(records.map(\.agent)).count == 1)
        #expect(records.allSatisfy { $0.record.levels.map(\.profile) == ["parent", "child"] })
        #expect(try launches() == [["parent"], ["parent", "child"]])
    }

    /// A library whose constructor asks for two paths, in whatever program it is loaded.
    private func preload(asking first: String, otherwise second: String) throws {
        try place.write(
            """
            #include <netdb.h>
            #include <stdio.h>
            #include <string.h>
            #include <sys/socket.h>
            #include <unistd.h>
            static void ask(const char *path) {
                struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = 0;
                if (getaddrinfo("allowed.test", "\(servers.httpPort)", &hints, &found)) return;
                int peer = socket(found->ai_family, SOCK_STREAM, 0);
                char text[512];
                int size = snprintf(text, sizeof text,
                    "GET %s HTTP/1.1\\r\\nHost: allowed.test:\(servers.httpPort)\\r\\nConnection: close\\r\\n\\r\\n", path);
                if (connect(peer, found->ai_addr, found->ai_addrlen) == 0 && write(peer, text, size) == size
                    && read(peer, text, sizeof text) > 12)
                    dprintf(1, "preloaded %.3s\\n", text + 9);
                close(peer);
                freeaddrinfo(found);
            }
            __attribute__((constructor)) static void loaded(void) {
                ask("\(first)");
                ask("\(second)");
            }

            """,
            to: "preloaded.c"
        )
        let made = try place.control("cc -shared -fPIC -o preloaded.so ../preloaded.c")
        try #require(made.code == 0, "\(made)")
    }
}
