internal import Client
internal import Glibc
internal import Linux

// A launch that somebody supervises already is asked for here, by a small program whose start costs little. Everything
// else, and every supervisor, is bailey-core's, which lies at another address each time.
let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "run", case .success(let words) = RunArguments.parse(Array(arguments.dropFirst())),
    let outcome = LaunchClient.run(words.request)
{
    if let message = outcome.message { Complaint.print(message) }
    exit(outcome.code)
}
let failure = CoreProgram.execute()
Complaint.print(failure.description)
exit(FrontEnd.launchFailed)
