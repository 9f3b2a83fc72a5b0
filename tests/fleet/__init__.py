"""The fleet of the page, real and on one machine: 13 hosts in namespaces, each with its own sshd."""
