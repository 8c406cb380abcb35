$ auditctl -a always,exit -F perm
  err: -F missing operation for perm
  rc=255
