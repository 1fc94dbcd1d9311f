#!/bin/bash
# The root agent: does its job, tries what its profile does not allow, and starts a builder.
export AGENT=orchestrator
api=https://api.castle.test:8443
try() { /usr/bin/python3 agents/attempt.py "$@"; }
curl=(curl -sS --fail-with-body --max-time 10)

try works 'GET the list of builds' "${curl[@]}" $api/v1/builds
try works 'POST a new build' "${curl[@]}" -X POST -d '{"commit":"HEAD"}' $api/v1/builds
try denied 'GET a path that a rule denies' "${curl[@]}" $api/v1/secrets/signing-key
try works 'POST a deployment, with a placeholder for the token' \
    "${curl[@]}" -X POST -H "Authorization: Bearer $DEPLOY_TOKEN" $api/v1/deployments
try works 'GET from the mirror' "${curl[@]}" https://mirror.castle.test:8443/index
try denied 'send the placeholder to the mirror' \
    "${curl[@]}" -H "Authorization: Bearer $DEPLOY_TOKEN" https://mirror.castle.test:8443/index
try denied 'hide the placeholder in a URL for the mirror' \
    "${curl[@]}" "https://mirror.castle.test:8443/index?q=$DEPLOY_TOKEN"

bailey run -p builder --name builder -- bash agents/builder.sh
