"""The ground floor: messages, the broker contract and the stage loop that every worker shares."""
