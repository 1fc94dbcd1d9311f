import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd.ProtectionTests {
    /// Bailey's folders and the operator's files, by whatever name they are reached.
    @Suite("Own folders", .serialized)
    struct OwnFolderTests {
        private static let refusal = "Bailey keeps its own state there"

        private func link(_ path: String, to target: String, _ place: Place) throws {
            try FileManager.default.createSymbolicLink(
                atPath: place.root + "/" + path,
                withDestinationPath: target
            )
            if place.starter == .plainUser {
                lchown(place.root + "/" + path, Starter.plainUserID, Starter.plainUserID)
            }
        }

        /// `bailey run` in a folder of the place, with this home directory and nothing else of XDG's.
        private func run(
            _ script: String,
            in folder: String,
            home: String,
            _ place: Place,
            options: [String] = [],
            prefix: [String] = []
        ) throws -> Outcome {
            var environment = place.environment.filter { !$0.key.hasPrefix("XDG_") }
            environment["HOME"] = place.root + "/" + home
            return try Command.run(
                place.starter.prefix + prefix + place.launcher + options + ["--", "sh", "-c", script],
                environment: environment,
                directory: place.root + "/" + folder
            )
        }

        @Test(
            "M36: a home directory behind a link hides nothing of where Bailey's state is",
            arguments: Starter.possible
        )
        func linkedHome(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("", to: "real/user/project/file")
            try link("linked", to: "real", place)
            // An ordinary folder below it is a workspace as any, and there the state is made.
            let works = try run(
                "cat file; echo new > made",
                in: "real/user/project",
                home: "linked/user",
                place
            )
            #expect(works.code == 0 && place.read("real/user/project/made") == "new\n", "\(works)")
            let steal = "cat .local/state/bailey/keys/*; mkdir -p .config/bailey/profiles"
            for folder in [
                "real/user", "real/user/.local/state", "real", "real/user/.local/state/bailey/keys",
            ] {
                let outcome = try run(steal, in: folder, home: "linked/user", place)
                #expect(outcome.code == 125 && outcome.errors.contains(Self.refusal), "\(folder): \(outcome)")
                #expect(outcome.errors.contains("use a folder inside it that is apart"), "\(outcome)")
            }
            #expect(try place.control("cat ../real/user/.local/state/bailey/keys/* | wc -c").lines != ["0"])
        }

        @Test(
            "M36: a configuration that is a link into the workspace is not the agent's to write",
            arguments: Starter.possible
        )
        func dotfiles(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("", to: "home/dotfiles/config/bailey/profiles/kept")
            try link("home/.config", to: "dotfiles/config", place)
            let attack = "echo evil > config/bailey/profiles/base.yaml"
            let outcome = try run(attack, in: "home/dotfiles", home: "home", place)
            #expect(outcome.code == 125 && outcome.errors.contains(Self.refusal), "\(outcome)")
            let written = "../home/dotfiles/config/bailey/profiles/base.yaml"
            #expect(try place.control("test -e \(written)").code != 0)
            #expect(try place.control("cd ../home/dotfiles && \(attack)").code == 0)
            #expect(try place.control("cat \(written)").lines == ["evil"])
        }

        @Test(
            "M36: who may write where a link on the way to the configuration lies would say where it leads",
            arguments: Starter.possible
        )
        func linkOnTheWay(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("", to: "elsewhere/bailey/kept")
            try link("home/.config", to: "dotfiles/current", place)
            try place.write("", to: "home/dotfiles/file")
            try link("home/dotfiles/current", to: "../../elsewhere", place)
            let attack = "ln -sfn /tmp current"
            let outcome = try run(attack, in: "home/dotfiles", home: "home", place)
            #expect(
                outcome.code == 125 && outcome.errors.contains("A symbolic link on the way"),
                "\(outcome)"
            )
            #expect(try place.control("readlink ../home/dotfiles/current").lines == ["../../elsewhere"])
            #expect(try place.control("cd ../home/dotfiles; \(attack); readlink current").lines == ["/tmp"])
        }

        @Test(
            "M36 M37: a link that an agent plants where a later profile grants leads to nothing of Bailey's",
            arguments: Starter.possible
        )
        func planted(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("secret", to: "config/bailey/note")
            let out = place.workspace + "/out"
            try place.profile("shared", "extends: [base]\nfiles: {write: [\(out)]}\n")
            let elsewhere = place.root + "/home"
            func second(_ script: String) throws -> Outcome {
                try place.bailey(
                    [
                        "run", "--profiles", place.profiles, "-p", "shared", "-w", elsewhere, "--", "sh",
                        "-c", script,
                    ]
                )
            }
            try place.write("plain", to: "workspace/out/note")
            #expect(try second("cat \(out)/note").output == "plain")
            let targets = [
                place.configuration, place.root, place.root + "/state/bailey/keys", "/run", "/proc", "/",
            ]
            for target in targets {
                #expect(try place.agent("rm -rf out; ln -s \(target) out").code == 0)
                let outcome = try second("cat \(out)/note; echo x > \(out)/written")
                #expect(outcome.code == 125 && outcome.output.isEmpty, "\(target): \(outcome)")
                #expect(outcome.errors.contains("grant a path (\(out))"), "\(target): \(outcome)")
            }
            #expect(place.read("config/bailey/written") == nil)
            #expect(try place.agent("rm out; ln -s \(place.configuration) out").code == 0)
            #expect(try place.control("cat out/note").output == "secret")
        }

        @Test(
            "M36 M37: a path that changes while it is granted leads to what was checked, or to no launch",
            arguments: Starter.possible
        )
        func exchanged(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("secret", to: "config/bailey/note")
            try place.write("plain", to: "workspace/good/note")
            try link("workspace/bad", to: place.configuration, place)
            try link("workspace/out", to: "good", place)
            let out = place.workspace + "/out"
            try place.profile("shared", "extends: [base]\nfiles: {write: [\(out)]}\n")
            let flip = try RunningCommand(
                starter.prefix + [
                    "sh", "-c",
                    "echo up; while :; do ln -sfn bad out; ln -sfn good out; done",
                ],
                environment: place.environment,
                directory: place.workspace
            )
            #expect(flip.awaitOutput("up"))
            for _ in 0..<24 {
                let outcome = try place.bailey(
                    [
                        "run", "--profiles", place.profiles, "-p", "shared", "-w", place.home, "--", "cat",
                        out + "/note",
                    ]
                )
                let isHarmless = outcome.code == 0 && outcome.output == "plain"
                #expect(isHarmless || outcome.code == 125 && outcome.output.isEmpty, "\(outcome)")
            }
            kill(flip.processIdentifier, SIGKILL)
            _ = flip.finish()
            #expect(try place.control("cat bad/note").output == "secret")
        }

        @Test(
            "M36: a second mount of the home directory, or of a folder of Bailey's in the workspace, is refused as the first",
            arguments: Starter.possible
        )
        func boundElsewhere(starter: Starter) throws {
            let place = try Place(for: starter)
            for folder in ["alias", "workspace/inner"] { try place.write("", to: folder + "/kept") }
            try place.write("secret", to: "home/.config/bailey/profiles/note")
            let alone = starter == .plainUser ? "-Urm" : "-m"
            for (source, target, folder) in [
                ("home", "alias", "alias"), ("home/.config/bailey/profiles", "alias", "alias"),
                ("home/.config/bailey/profiles", "workspace/inner", "workspace"),
                ("home", "workspace/inner", "workspace"),
            ] {
                let mount =
                    "mount --bind \(place.root)/\(source) \(place.root)/\(target); cd . && exec \"$@\""
                let prefix = ["unshare", alone, "sh", "-c", mount, "sh"]
                let outcome = try run(
                    "find . -name note -exec cat {} +",
                    in: folder,
                    home: "home",
                    place,
                    options: ["-w", place.root + "/" + folder],
                    prefix: prefix
                )
                #expect(outcome.code == 125 && outcome.errors.contains(Self.refusal), "\(target): \(outcome)")
                let control = try Command.run(
                    starter.prefix + prefix + ["sh", "-c", "cd \"$PWD\"; find . -name note -exec cat {} +"],
                    environment: place.environment,
                    directory: place.root + "/" + folder
                )
                #expect(control.output == "secret", "\(control)")
            }
        }

        @Test(
            "M37: profiles that --profiles or --config names are read-only to the agents that they are for",
            arguments: Starter.possible
        )
        func operatorsFiles(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("bailey: 1\nname: tight\nextends: [base]\n", to: "workspace/profiles/tight.yaml")
            try place.write("bailey: 1\n", to: "workspace/set/bailey.yaml")
            let options = ["--profiles", "profiles", "--config", "set/bailey.yaml", "-p", "tight"]
            let attack = """
                for f in profiles/tight.yaml profiles/base.yaml set/bailey.yaml; do echo evil > $f; done
                mv profiles other; mkdir -p profiles/seccomp; mv set others; rm -rf profiles set; ls; echo mine > free
                """
            let words = options + ["--", "sh", "-c", "{ \(attack); } 2>&1"]
            let outcome = try place.bailey(["run"] + words)
            #expect(place.read("workspace/profiles/tight.yaml")?.contains("tight") == true, "\(outcome)")
            #expect(place.read("workspace/set/bailey.yaml") == "bailey: 1\n", "\(outcome)")
            #expect(place.read("workspace/profiles/base.yaml") == nil, "\(outcome)")
            #expect(place.read("workspace/free") == "mine\n", "\(outcome)")
            // The folder itself, or a part of it, is no workspace.
            let inside = try place.bailey(["run", "-w", place.workspace + "/profiles"] + words)
            #expect(inside.code == 125 && inside.errors.contains("decide what agents may do"), "\(inside)")
            #expect(
                try place.control("{ \(attack); } >/dev/null 2>&1; cat other/tight.yaml").output == "evil\n"
            )
        }

        @Test(
            "M37: the file that -p names is read-only to the root agent that it is for, whatever its name",
            arguments: Starter.possible
        )
        func namedFile(starter: Starter) throws {
            let place = try Place(for: starter)
            let text = "bailey: 1\nname: mine\nextends: [base]\n"
            try place.write(text, to: "workspace/set/mine.yaml")
            try link("alias.yaml", to: place.workspace + "/set/mine.yaml", place)
            let attack = """
                f=set/mine.yaml; echo evil >> $f; rm -f $f; mv -f free.new $f; ln -f $f own; echo evil >> own
                mv set other; mkdir -p set; echo evil > $f; echo mine > free
                """
            for file in ["./set/mine.yaml", "set/../set/mine.yaml", place.root + "/alias.yaml"] {
                try place.write("evil", to: "workspace/free.new")
                let outcome = try place.bailey(
                    ["run", "-p", file, "--", "sh", "-c", "{ \(attack); } 2>&1"]
                )
                #expect(place.read("workspace/set/mine.yaml") == text, "\(file): \(outcome)")
                #expect(place.read("workspace/free") == "mine\n", "\(file): \(outcome)")
            }
            let stream = try place.control(
                "\(place.launch) -p /dev/stdin -- sh -c 'echo up; echo evil >> set/mine.yaml' <set/mine.yaml"
            )
            #expect(stream.lines == ["up"] && stream.code != 0, "\(stream)")
            #expect(place.read("workspace/set/mine.yaml") == text, "\(stream)")
            // It is no writable grant of its own, and no link to it may lie where the agent writes.
            let own = "files: {write: [\(place.workspace)/set/own.yaml]}\n"
            try place.write("bailey: 1\nname: own\nextends: [base]\n\(own)", to: "workspace/set/own.yaml")
            try link("workspace/link.yaml", to: "set/mine.yaml", place)
            for (file, reason) in [
                ("./link.yaml", "A symbolic link on the way"), ("set/own.yaml", "decide what agents may do"),
            ] {
                let refused = try place.bailey(["run", "-p", file, "--", "touch", "ran"])
                #expect(refused.code == 125 && refused.errors.contains(reason), "\(refused)")
            }
            let control = try place.control("{ \(attack); } >/dev/null 2>&1; cat other/mine.yaml")
            #expect(control.output.contains("evil"), "\(control)")
        }

        @Test(
            "M37: what the operator's files lead to is not written either",
            arguments: Starter.possible
        )
        func ledTo(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("bailey: 1\nname: mine\nextends: [base]\n", to: "workspace/mine.yaml")
            try place.write("#!/bin/sh\necho fetched\n", to: "workspace/fetch", mode: 0o755)
            try place.write(
                """
                bailey: 1
                credentials:
                  one: {from: {command: ["\(place.workspace)/fetch"]}, as: bearer, for: ["https://a.test"]}
                """,
                to: "config/bailey/credentials.yaml"
            )
            try place.write("", to: "config/bailey/profiles/kept")
            try link("config/bailey/profiles/mine.yaml", to: place.workspace + "/mine.yaml", place)
            let attack = "for f in mine.yaml fetch; do echo evil > $f; rm -f $f; done"
            let outcome = try place.bailey(["run", "-p", "mine", "--", "sh", "-c", attack])
            #expect(place.read("workspace/mine.yaml")?.contains("mine") == true, "\(outcome)")
            #expect(place.read("workspace/fetch")?.contains("fetched") == true, "\(outcome)")
            #expect(try place.control("\(attack); ls").output.isEmpty)
        }

        @Test(
            "M37: a secret's file lies nowhere in what is granted, or behind a hidden folder, where a file that is renamed onto it stays unseen",
            arguments: Starter.possible
        )
        func secretFile(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("first", to: "workspace/held/token", mode: 0o600)
            try place.write("first", to: "kept/token", mode: 0o600)
            try link("workspace/led", to: place.root + "/kept/token", place)
            try place.profile("reads", "extends: [base]\nfiles: {read: [\(place.root)/kept]}\n")
            try place.profile("file", "extends: [base]\nfiles: {hide: [$WORKSPACE/held/token]}\n")
            try place.profile("folder", "extends: [base]\nfiles: {hide: [$WORKSPACE/held]}\n")
            let credentials = place.configuration + "/credentials.yaml"
            let way = "with files.hide"
            for (file, profile, reason) in [
                ("workspace/held/token", "base", way), ("workspace/held/token", "file", way),
                ("kept/token", "reads", way), ("workspace/absent", "base", way),
                ("workspace/led", "base", "A symbolic link on the way"),
            ] {
                try place.write(Self.secret(in: place.root + "/" + file), to: credentials)
                let refused = try place.agent("echo ran", profile: profile)
                #expect(refused.code == 125 && refused.output.isEmpty, "\(file): \(refused)")
                let isNamed = refused.errors.contains("\(place.root)/\(file) ")
                #expect(isNamed && refused.errors.contains(reason), "\(file): \(refused)")
            }
            try place.write(Self.secret(in: place.workspace + "/held/token"), to: credentials)
            #expect(try replacing("folder", place).output == "up\n")
            // Without the credential it is a file as any: one that is hidden by its name is seen then.
            try FileManager.default.removeItem(atPath: credentials)
            #expect(try replacing("file", place).output == "up\nsecond\n")
        }

        /// `credentials.yaml` with a secret in this file.
        private static func secret(in file: String) -> String {
            "bailey: 1\ncredentials: {one: {from: {file: \"\(file)\"}, as: bearer, for: [\"https://a.test\"]}}\n"
        }

        /// What an agent under a profile sees of `held/token` before and after somebody outside replaces it.
        private func replacing(_ profile: String, _ place: Place) throws -> Outcome {
            try place.write("first", to: "workspace/held/token", mode: 0o600)
            let script = "cat held/token; echo up; until test -e go; do sleep 0.02; done; cat held/*; rm go"
            let running = try place.running(script, profile: profile)
            #expect(running.awaitOutput("up"))
            let replace = "umask 077; echo second > new && mv new held/token && touch go"
            #expect(try place.control(replace).code == 0)
            return running.finish()
        }

        @Test(
            "M23: credential stores stay hidden behind a linked home, as links themselves, and by a planted link",
            arguments: Starter.possible
        )
        func stores(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("key", to: "real/user/.aws/sso/token")
            try place.write("key", to: "real/user/.netrc")
            try place.write("key", to: "real/user/keys/id")
            try link("real/user/.ssh", to: "keys", place)
            try link("linked", to: "real", place)
            try link("real/user/planted", to: ".aws/sso", place)
            let environment = ["HOME": place.root + "/linked/user"]
            let folder = place.root + "/real/user"
            let read = "cat .aws/sso/token .netrc keys/id .ssh/id; echo evil >> keys/authorized_keys"
            let outcome = try place.bailey(
                ["run", "-w", folder, "--", "sh", "-c", "cd \(folder); \(read)"],
                environment: environment
            )
            #expect(
                outcome.output.isEmpty && place.read("real/user/keys/authorized_keys") == nil,
                "\(outcome)"
            )
            // A profile that names the inside of a store means it; a link that leads there does not.
            try place.profile("sso", "extends: [base]\nfiles: {read: [~/.aws/sso]}\n")
            try place.profile("link", "extends: [base]\nfiles: {read: [\(folder)/planted]}\n")
            func through(_ profile: String, _ path: String) throws -> Outcome {
                try place.agent("cat \(path)/token", profile: profile, environment: environment)
            }
            #expect(try through("sso", "~/.aws/sso").output == "key")
            #expect(try through("link", folder + "/planted").output.isEmpty)
            #expect(try place.control("cd \(folder); \(read)").output == "keykeykeykey")
        }

        @Test("A file may be granted for writing, and only it", arguments: Starter.possible)
        func writableFile(starter: Starter) throws {
            let place = try Place(for: starter)
            try place.write("a", to: "home/file")
            try place.write("a", to: "home/other")
            try place.profile("one", "extends: [base]\nfiles: {write: [\(place.home)/file]}\n")
            let outcome = try place.agent(
                "echo ok > \(place.home)/file; echo evil > \(place.home)/other; cat \(place.home)/file",
                profile: "one"
            )
            #expect(outcome.output == "ok\n" && place.read("home/file") == "ok\n", "\(outcome)")
            #expect(place.read("home/other") == "a")
        }
    }
}
