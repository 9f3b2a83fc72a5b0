"""The lab: the 13 hosts of the wiki page as real hosts in namespaces of one machine, each with its own sshd."""
