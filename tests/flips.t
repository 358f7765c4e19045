#!/usr/bin/perl
# flips.t - bits of the store's file flip, one at a time, in blocks, in rows, and in the database library's own pages: nothing wrong is
# given out with success, a block that is hit is named, and nothing dies of a signal or hangs.
# FLIPS: how many (40).  SEED: of the places (1).  KEEP: a directory to leave a store in that failed.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX ':sys_wait_h';
use File::Temp 'tempdir';
use File::Copy 'copy';

my ($root) = $0 =~ m,^(.*)/[^/]*$,;
my $bin = $ENV{BIN} || "$root/../build/bin";
my $flips = $ENV{FLIPS} || 40;
my $seed = $ENV{SEED} || 1;
my $dir = tempdir(CLEANUP => 1);
my $page = 4096;
my ($failed, $server) = (0);

unless (-x "$bin/block-serve") { print "1..0 # SKIP no $bin/block-serve\n"; exit 0 }

# One generator for the places, the same everywhere.
my $state = $seed * 2654435761 % 4294967296 || 1;
sub dice { $state ^= ($state << 13) & 0xffffffff; $state ^= $state >> 17; $state ^= ($state << 5) & 0xffffffff; return $state % $_[0] }

# run COMMAND...: exit code (or what went wrong), standard output, standard error.
sub run {
	my $pid = fork;
	if ($pid == 0) {
		open STDIN, '<', '/dev/null';
		open STDIN, '-|', 'true' if $_[0] eq 'block-store';	# input that ends
		open STDOUT, '>', "$dir/out";
		open STDERR, '>', "$dir/err";
		alarm 20;
		exec "$bin/$_[0]", @_[1 .. $#_] or exit 127;
	}
	waitpid $pid, 0;
	return ($? & 127 ? ($? & 127) == 14 ? 'hangs' : 'dies of signal ' . ($? & 127) : $? >> 8, slurp("$dir/out"), slurp("$dir/err"));
}
sub slurp { local $/; open my $f, '<', $_[0] or return ''; my $d = <$f>; return defined $d ? $d : '' }

sub serve {
	my ($store) = @_;
	unlink "$dir/served";
	$server = fork;
	if ($server == 0) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$dir/served";
		open STDERR, '>', "$dir/served.err";
		exec "$bin/block-serve", '-d', $store, '-w', '127.0.0.1:0', '-j', '1' or exit 127;
	}
	for (1 .. 1000) {
		return $1 if slurp("$dir/served") =~ /^http (\S+)\n/;
		return undef if waitpid($server, WNOHANG) > 0 && do { $server = 0; 1 };
		select undef, undef, undef, 0.01;
	}
	return undef;
}
# get HOST PATH: status and body; status 0 for an answer that was cut.
sub get {
	my $s = IO::Socket::INET->new(PeerAddr => $_[0], Timeout => 10) or return (0, '');
	local $SIG{ALRM} = sub { die };
	my $all = '';
	print $s "GET $_[1] HTTP/1.1\r\nHost: $_[0]\r\nConnection: close\r\n\r\n";
	eval { alarm 20; local $/; $all = <$s>; alarm 0; 1 } or return ('hangs', '');
	return (0, '') if !defined $all || $all !~ m,^HTTP/1\.[01] (\d+) .*?\r\n(.*?)\r\n\r\n(.*)$,s;
	my ($status, $head, $body) = ($1, $2, $3);
	return ($status, $body) if $head =~ /content-length: (\d+)/i && $1 == length $body;
	my $whole = '';
	while ($head =~ /chunked/i && $body =~ s/^([0-9a-f]+)\r\n//i) {
		my $n = hex $1;
		return ($status, $whole) if $n == 0;
		$whole .= substr $body, 0, $n;
		$body = length $body > $n + 2 ? substr $body, $n + 2 : '';
	}
	return (0, '');
}
sub stop {
	return 0 unless $server;
	kill 15, $server;
	waitpid $server, 0;
	$server = 0;
	return $? & 127;
}

# The store that is whole, and what it says.
run('block-cat', '-d', "$dir/good", '-i', "$root/fixtures/epoch40.rec");
my $data = slurp("$dir/good/data.mdb");
my ($code, $list) = run('block-cat', '-d', "$dir/good", '-l');
my (undef, $archive) = run('block-cat', '-d', "$dir/good", '-x', '-');
my @ids = map { (split /\t/)[1] } split /\n/, $list;
my %body = map { $_ => (run('block-cat', '-d', "$dir/good", $_))[1] } @ids[map { dice(scalar @ids) } 1 .. 30];
my @some = sort keys %body;
my @paths = ('/v3/sortitions', '/v3/tenures/info', "/v3/blocks/height/100", "/v3/blocks/height/400", map { "/v3/tenures/$_" } @some[0 .. 3]);
my $host = serve("$dir/good");
my %answer = map { $_ => (get($host, $_))[1] } @paths;
stop();
die "no store to begin with" unless $code == 0 && @ids == 500 && length $archive && length $answer{'/v3/blocks/height/100'};

# Damage of disks and copies: whole sectors and pages.
my $earlier = do {
	local $/;
	open my $f, '-|', "head -c 500000 $root/fixtures/epoch40.rec | $bin/block-cat -d $dir/early -i - 2>/dev/null; cat $dir/early/data.mdb" or die;
	<$f>;
};
sub pages {
	my ($bad, $kind) = ($data, dice(6));
	my ($a, $b) = map { $page * dice(length($data) / $page) } 1, 2;
	if ($kind == 0) {
		my $at = dice(length($data) - 512);
		substr($bad, $at + dice(512), 1) ^= chr(1 << dice(8)) for 0 .. dice(64);
		return ($bad, "bits of 512 bytes at $at");
	}
	if ($kind == 1) {
		$a += 512 * dice(8);
		substr($bad, $a, 512) = "\0" x 512;
		return ($bad, "zeros in 512 bytes at $a");
	}
	if ($kind == 2) {
		substr($bad, $a, $page) = "\0" x $page;
		return ($bad, "zeros in the page at $a");
	}
	if ($kind == 3) {
		(substr($bad, $a, $page), substr($bad, $b, $page)) = (substr($data, $b, $page), substr($data, $a, $page));
		return ($bad, "pages at $a and $b change places");
	}
	if ($kind == 4) {
		$a %= length $earlier;
		substr($bad, $a, $page) = substr $earlier, $a, $page;
		return ($bad, "the page at $a as it was");
	}
	return (substr($data, 0, $a), "the file ends at $a") if $kind == 5;
}

# A place: offset, bit, what it is, the block that is hit.
sub place {
	my $kind = dice(4);
	if ($kind == 0) {
		my $id = $some[dice(scalar @some)];
		my $at = index $data, $body{$id};
		die "a block is not in the file as it is" if $at < 0;
		return ($at + dice(length $body{$id}), dice(8), "block $id", $id);
	}
	return (dice(length $data), dice(8), 'anywhere') if $kind == 1;
	return (dice(length($data) / $page) * $page + dice(64), dice(8), 'the head of a page') if $kind == 2;
	# A row: in a page whose nodes hold small values.
	for (1 .. 1000) {
		my $p = $page * (2 + dice(length($data) / $page - 2));
		my (undef, undef, $flags) = unpack 'Q S S', substr $data, $p, 12;
		return ($p + dice($page), dice(8), 'a page of rows') if $flags & 3;
	}
	return (dice(2 * $page), dice(8), 'the first pages');
}

my @wrong;
sub judge {
	my ($what, $code, $out, $err, $good) = @_;
	push @wrong, "$what: $code" if $code !~ /^(0|100|111)$/;
	push @wrong, "$what gives something else with success" if $code eq '0' && defined $good && $out ne $good;
	my $lines = $err =~ tr/\n//;
	push @wrong, "$what: $code with $lines lines" if $code =~ /^1/ && ($lines == 0 || ($lines > 1 && $what !~ /^block-cat -[ci]/));
}

sub try {
	my ($n, $bad, $what, $hit) = @_;
	my $store = "$dir/bad";
	system 'rm', '-rf', $store;
	mkdir $store;
	open my $f, '>', "$store/data.mdb" or die;
	print $f $bad;
	close $f;
	@wrong = ();
	judge('block-cat -l', run('block-cat', '-d', $store, '-l'), $list);
	judge('block-cat -x', run('block-cat', '-d', $store, '-x', '-'), $archive);
	my @look = ($hit ? $hit : (), $some[dice(scalar @some)]);
	judge("block-cat ID", run('block-cat', '-d', $store, $_), $body{$_}) for @look;
	judge('sync-status', run('sync-status', '-d', $store, '-j'));
	if (my $at = serve($store)) {
		for my $path (@paths, map { "/v3/blocks/$_" } @look) {
			my ($status, $reply) = get($at, $path);
			# An earlier page that is whole was true when it was written.
			next if $path eq '/v3/tenures/info' && $what =~ / as it was$/;
			my $good = $path =~ m,^/v3/blocks/([0-9a-f]{64}), ? $body{$1} : $answer{$path};
			push @wrong, "$path gives something else with 200 (" . length($reply) . " bytes, not " . length($good) . ")" if $status eq '200' && $reply ne $good;
			push @wrong, "$path: $status" if $status eq 'hangs';
		}
	}
	my $signal = stop();
	push @wrong, "block-serve dies of signal $signal" if $signal && $signal != 15;
	my ($rc, $out, $err) = run('block-cat', '-d', $store, '-c');
	judge('block-cat -c', $rc, $out, $err);
	my $hopeless = $err =~ /^[^\n]*: (?:(?!left out)[^\n])*or delete it and sync again$/m;
	push @wrong, "block-cat -c ends with $rc and does not name the block" if $hit && ($rc ne '111' || "$out$err" !~ /$hit/);
	judge('block-store', run('block-store', '-d', $store));
	# Whatever was removed by now: what is left is right.
	($rc, $out) = run('block-cat', '-d', $store, '-l');
	my %line = map { $_ => 1 } split /\n/, $list;
	push @wrong, 'a list of other blocks after all that' if $rc eq '0' && grep { !$line{$_} } split /\n/, $out;
	push @wrong, "block-cat -l after all that: $rc" if $rc !~ /^(0|100|111)$/;
	return @wrong if $n % 4 && !$ENV{PAGES};
	# The archive brings back what is lacking, or the store says that it is damaged.
	($rc, $out, $err) = run('block-cat', '-d', $store, '-i', "$root/fixtures/epoch40.rec");
	judge('block-cat -i', $rc, $out, $err);
	if ($rc eq '0') {
		($rc, $out, $err) = run('block-cat', '-d', $store, '-l');
		push @wrong, "after an import the list has " . ($out =~ tr/\n//) . " lines and block-cat -l ends with $rc" if $rc ne '0' || $out ne $list;
		($rc, $out, $err) = run('block-cat', '-d', $store, '-c');
		push @wrong, "after an import block-cat -c ends with $rc" if $rc ne '0' && !$hopeless;
	}
	return @wrong;
}

for my $n (1 .. $flips) {
	my ($bad, $what, $hit) = ($data);
	if ($n % 4 == 0 || $ENV{PAGES}) {
		($bad, $what) = pages();
	} else {
		(my $offset, my $bit, $what, $hit) = place();
		substr($bad, $offset, 1) ^= chr(1 << $bit);
		$what = "bit $bit of byte $offset, $what";
	}
	my @bad = try($n, $bad, $what, $hit);
	print @bad ? 'not ok' : 'ok', " $n - $what", @bad ? ': ' . join('; ', @bad) : '', "\n";
	next unless @bad;
	$failed++;
	copy("$dir/bad/data.mdb", "$ENV{KEEP}.$n") if $ENV{KEEP};
}
print "1..$flips\n";
exit($failed ? 1 : 0);
