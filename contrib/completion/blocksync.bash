# bash completion of the suite: option letters by program, files where a file is taken.
_blocksync() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} letters
	case $prev in
	-n) mapfile -t COMPREPLY < <(compgen -W 'mainnet testnet' -- "$cur"; compgen -f -- "$cur"); return ;;
	-d) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	-i | -x | -K | -R | -s) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	case ${COMP_WORDS[0]##*/} in
	sortition-sync) letters='1 d h n q s v K Q V' ;;
	public-ip) letters='1 a d h n p q v V' ;;
	inv-sync) letters='1 d h n p q v V' ;;
	block-fetch) letters='1 d h n o q u v F R V' ;;
	block-verify) letters='1 d h j n q v R V' ;;
	block-store) letters='1 d h n q v V' ;;
	block-serve) letters='c d h j l n q v w L U V' ;;
	block-cat) letters='c d h i l m n q s v x B V' ;;
	sync-status) letters='d h j q v V' ;;
	rec) letters='h q r v V' ;;
	blocksync) letters='1 a b c d h l n p q s u v w F K L Q U V' ;;
	esac
	# shellcheck disable=SC2086
	mapfile -t COMPREPLY < <(compgen -W "$(printf -- '-%s ' $letters)" -- "$cur")
}
complete -o default -F _blocksync sortition-sync public-ip inv-sync block-fetch block-verify block-store block-serve block-cat sync-status rec blocksync
