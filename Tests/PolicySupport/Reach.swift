package import Policy

extension Profile {
    /// What it permits once all is approved and nothing denied: what a child must stay within.
    package var reach: Profile {
        var profile = self
        for index in profile.egress.indices {
            profile.egress[index].allow += profile.egress[index].ask
            profile.egress[index].ask = []
            profile.egress[index].deny = []
        }
        return profile
    }
}
