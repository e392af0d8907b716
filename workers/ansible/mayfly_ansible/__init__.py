"""The Ansible worker. Python 3.9 and its standard library; Ansible itself runs as a process of its own."""
