"""What tests share: datasets built in code, real counterparts, running processes."""
