"""`anyapi prove`: plants canaries through every path of a gateway, then searches everything it could have written them to."""
