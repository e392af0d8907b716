# shellcheck shell=sh disable=SC2154
# Prepares the owner's set-up before the playbook starts, because Ansible looks for collections and for the vault
# password only when it starts. The boot script reads this file from the tree, as the size of user-data is limited.

# Paths in the file are relative to the worker directory. --force: an image may have other versions, of an earlier tree
# or of its owner.
install_requirements() {
  if ! said=$(cd "$tree/worker" && timeout 600 ansible-galaxy install --force -r "$requirements" 2>&1); then
    log "$said"
    return 1
  fi
}

# The answer contains the password, so it is neither logged nor passed as an argument. An incomplete answer may contain
# a part of it. So the answer is logged only if curl ended with 22 (an error of AWS) or 1 (no credentials), else only
# curl's status.
fetch_vault_password() {
  asked=$(python3 -c 'import json, sys; print(json.dumps({"Name": sys.argv[1], "WithDecryption": True}))' "$parameter")
  ended=0
  said=$(aws_curl ssm --max-time 20 -H 'Content-Type: application/x-amz-json-1.1' \
    -H 'X-Amz-Target: AmazonSSM.GetParameter' --data-binary "$asked" "$(endpoint ssm)/") || ended=$?
  case $ended in
    0) answer=$said said='the answer of AWS cannot be read' ;;
    1 | 22) ;;
    *) said="curl ended with status $ended" ;;
  esac
  if [ "$ended" -ne 0 ]; then
    log "$said"
    return 1
  fi
  (umask 077 && printf '%s' "$answer" | python3 -c '
import json, sys
sys.stdout.write(json.load(sys.stdin)["Parameter"]["Value"])' >"$run/vault-password")
}

# or_give_up COMMAND: tries it five times. Then the boot ends with the last line of its output.
or_give_up() {
  retry 5 "$1" && return
  doing="$doing: $(printf '%s\n' "$said" | tail -n 1 | cut -c 1-400)"
  exit 1
}

requirements=$(json "$tree_json" setupRequirements)
if [ -n "$requirements" ]; then
  if ! ansible-galaxy --version >/dev/null 2>&1; then
    step 'renew ansible-core, which does not start'
    retry 3 renew_ansible || log 'it cannot be renewed'
  fi
  step "install the roles and collections of $requirements"
  or_give_up install_requirements
fi

parameter=$(json "$tree_json" setupVaultPassword)
if [ -n "$parameter" ]; then
  step "fetch the vault password of the set-up, the SSM parameter $parameter"
  or_give_up fetch_vault_password
  export ANSIBLE_VAULT_PASSWORD_FILE="$run/vault-password"
fi
